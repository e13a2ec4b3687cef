/// A request's line and headers: valid until the call that it was handed to returns.
public struct RequestHead {
    public let method: Method

    /// The target's path as it was sent, percent-encoded, without the query.
    public let path: BorrowedBytes

    /// Whether a body comes with the request, and what is known of its length.
    public let framing: BodyFraming

    private let fields: any RequestFields

    init(method: Method, path: BorrowedBytes, framing: BodyFraming, fields: some RequestFields) {
        self.method = method
        self.path = path
        self.framing = framing
        self.fields = fields
    }

    /// The value of the first header field with this name, whatever the case.
    public func header(_ name: StaticString) -> BorrowedBytes? { fields.header(name) }

    /// The value of the first parameter of the query with this name: still percent-encoded, but with `+` read as a space, as
    /// forms write it. A parameter without `=` is empty.
    public func query(_ name: StaticString) -> BorrowedBytes? { fields.query(name) }
}

/// A request with all of its body: valid until the call that it was handed to returns.
public struct Request {
    public let head: RequestHead

    /// The body, empty if there is none, with ``padding`` readable bytes behind it.
    public let body: BorrowedBytes

    /// How many bytes behind a body can be read, whatever they hold: vector code reads whole blocks.
    public static let padding = 64
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
    func query(_ name: StaticString) -> BorrowedBytes?
}
