/// A request's line and headers: valid until the call that it was handed to returns.
public struct RequestHead {
    public let method: Method

    /// The target's path as it was sent, percent-encoded, without the query.
    public let path: BorrowedBytes

    /// The target's query as it was sent, without the `?`; empty if there is none.
    public let query: BorrowedBytes

    /// Whether a body comes with the request, and what is known of its length.
    public let framing: BodyFraming

    /// Which fields it has, of those that are noted.
    public let marks: HeadMarks

    private let fields: any RequestFields

    init(
        method: Method, path: BorrowedBytes, query: BorrowedBytes, framing: BodyFraming,
        marks: HeadMarks, fields: some RequestFields
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.framing = framing
        self.marks = marks
        self.fields = fields
    }

    /// The value of the first header field with this name, whatever the case.
    public func header(_ name: StaticString) -> BorrowedBytes? { fields.header(name) }

    /// Calls `visit` with the value of each header field with this name, whatever the case, in their order.
    ///
    /// - Parameter name: The name in lower case.
    public func forEachHeader(_ name: StaticString, _ visit: (BorrowedBytes) -> Void) {
        fields.forEachHeader(name, visit)
    }

    /// Where the request comes from; nil over a socket in the file system.
    public var clientAddress: ClientAddress? { fields.clientAddress }

    /// Whether the client has shown a certificate that one of the server's authorities vouches for. One that is not good never gets as
    /// far as a request.
    public var hasClientCertificate: Bool { fields.hasClientCertificate }

    /// The parameters of the query.
    public var parameters: QueryParameters { QueryParameters(query) }

    /// The value of the first parameter of the query with this name, as ``QueryParameters`` has it.
    public func parameter(_ name: StaticString) -> BorrowedBytes? {
        for (candidate, value) in parameters where PercentDecoding.query(candidate, means: name) { return value }
        return nil
    }
}

/// A request with all of its body: valid until the call that it was handed to returns.
public struct Request {
    public let head: RequestHead

    /// The body, empty if there is none, with ``padding`` readable bytes behind it.
    public let body: BorrowedBytes

    /// What the body was collected in, if its admission said so.
    public let place: (any BodyPlace)?

    /// How many bytes behind a body can be read, whatever they hold: vector code reads whole blocks.
    public static let padding = 64

    /// - Parameters:
    ///   - body: Bytes that live as long as the head, with ``padding`` readable ones behind them.
    ///   - place: What they were collected in, if it was the handler's.
    @inline(__always)
    public init(head: RequestHead, body: BorrowedBytes, place: (any BodyPlace)? = nil) {
        self.head = head
        self.body = body
        self.place = place
    }
}

/// What a request says of its body.
public enum BodyFraming: Sendable, Equatable {
    case none
    case length(Int)
    /// `Transfer-Encoding: chunked`: the length shows at the end.
    case chunked
}

/// Where a head's fields are looked up: the connection they came by, or memory.
protocol RequestFields {
    func header(_ name: StaticString) -> BorrowedBytes?
    func forEachHeader(_ name: StaticString, _ visit: (BorrowedBytes) -> Void)
    var clientAddress: ClientAddress? { get }
    var hasClientCertificate: Bool { get }
}
