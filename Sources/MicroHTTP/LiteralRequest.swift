/// A request from memory: a handler is tested, or called, without a socket.
public final class LiteralRequest {
    private let method: Method
    // Bytes at addresses that do not change until deinit; `body` ends with the padding.
    private let path: UnsafeMutableRawBufferPointer
    private let query: UnsafeMutableRawBufferPointer
    private let body: UnsafeMutableRawBufferPointer
    private let fields: Fields

    /// - Parameters:
    ///   - method: The method.
    ///   - target: The path as it would be sent, percent-encoded, with the query behind a `?`.
    ///   - headers: The header fields.
    ///   - body: The body.
    ///   - address: Where it comes from.
    ///   - hasClientCertificate: Whether its client has shown a good certificate.
    public init(
        _ method: Method, _ target: String, headers: [(String, String)] = [], body: [UInt8] = [],
        from address: ClientAddress? = nil, hasClientCertificate: Bool = false
    ) {
        self.method = method
        self.body = .allocate(byteCount: body.count + Request.padding, alignment: 1)
        self.body.copyBytes(from: body + [UInt8](repeating: 0, count: Request.padding))
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = Self.keep(parts[0])
        query = Self.keep(parts.count > 1 ? parts[1] : "")
        fields = Fields(
            headers: headers.map { ($0.0.lowercased(), Self.keep($0.1)) }, clientAddress: address,
            hasClientCertificate: hasClientCertificate)
    }

    deinit {
        path.deallocate()
        query.deallocate()
        body.deallocate()
    }

    /// Lets a handler answer it, the way a server does; blocks the thread until the response is made.
    public func answer(by handler: some HTTPHandler) -> Response {
        reply(by: handler).response()
    }

    /// Lets a handler answer it, the way a server does.
    public func reply(by handler: some HTTPHandler) -> Reply {
        let bytes = UnsafeRawBufferPointer(rebasing: body[..<(body.count - Request.padding)])
        let framing = bytes.isEmpty ? BodyFraming.none : .length(bytes.count)
        let head = RequestHead(
            method: method, path: UnsafeRawBufferPointer(path), query: UnsafeRawBufferPointer(query), framing: framing,
            marks: fields.marks, fields: fields)
        guard !bytes.isEmpty else { return handler.respond(to: Request(head: head, body: bytes)) }
        switch handler.admit(head) {
        case .refuse(let response):
            return .now(response)
        case .collect(let limit):
            guard bytes.count <= limit else { return .now(handler.refuse(head, overLimit: limit)) }
            return handler.respond(to: Request(head: head, body: bytes))
        case .place(let place):
            place.room.copyMemory(from: bytes)
            let body = UnsafeRawBufferPointer(rebasing: place.room[..<bytes.count])
            return handler.respond(to: Request(head: head, body: body, place: place))
        case .stream(let receiver):
            receiver.receive(bytes)
            return receiver.respond()
        }
    }

    private static func keep(_ text: some StringProtocol) -> UnsafeMutableRawBufferPointer {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
        bytes.copyBytes(from: text.utf8)
        return bytes
    }

    /// Fields at addresses that do not change as long as the request lives.
    private final class Fields: RequestFields {
        let clientAddress: ClientAddress?
        let hasClientCertificate: Bool
        private let headers: [(name: String, value: UnsafeMutableRawBufferPointer)]

        /// - Parameter headers: Names in lower case, and values that are freed with this.
        init(
            headers: [(String, UnsafeMutableRawBufferPointer)], clientAddress: ClientAddress?,
            hasClientCertificate: Bool
        ) {
            self.hasClientCertificate = hasClientCertificate
            self.headers = headers.map { ($0.0, $0.1) }
            self.clientAddress = clientAddress
        }

        var marks: HeadMarks {
            headers.reduce(into: []) { marks, field in
                Array(field.name.utf8).withUnsafeBytes { marks.formUnion(HeadMarks(of: $0)) }
            }
        }

        deinit {
            for field in headers { field.value.deallocate() }
        }

        func header(_ name: StaticString) -> BorrowedBytes? {
            headers.first { $0.name == name.description.lowercased() }.map { UnsafeRawBufferPointer($0.value) }
        }

        func forEachHeader(_ name: StaticString, _ visit: (BorrowedBytes) -> Void) {
            for field in headers where field.name == name.description {
                visit(UnsafeRawBufferPointer(field.value))
            }
        }
    }
}
