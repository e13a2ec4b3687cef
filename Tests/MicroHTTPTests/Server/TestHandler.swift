internal import MicroHTTP

/// A handler that a test makes of functions; without any, an echo: it answers with the request.
struct TestHandler: HTTPHandler {
    var onAdmit: @Sendable (RequestHead) -> Admission = { _ in .collect(limit: 1 << 20) }
    var onRespond: @Sendable (Request) -> Response = TestHandler.echo
    /// In the place of the other.
    var onReply: (@Sendable (Request) -> Reply)?

    func admit(_ head: RequestHead) -> Admission { onAdmit(head) }
    func respond(to request: Request) -> Reply { onReply?(request) ?? .now(onRespond(request)) }

    func refuse(_ head: RequestHead, overLimit limit: Int) -> Response {
        .text("\(head.method.name) \(String(head.path)): over the limit of \(limit)", status: 413)
    }

    func refuse(overloaded head: RequestHead) -> Response {
        .text("\(head.method.name) \(String(head.path)): no room", status: 503)
    }

    func refuse(_ refusal: ConnectionRefusal) -> Response { .text("\(refusal)", status: 503) }
    func refuse(malformed detail: String) -> Response { .text(detail, status: 400) }
    func refuse(headTooLarge detail: String) -> Response { .text(detail, status: 431) }

    /// The request's method, path and body.
    static func echo(_ request: Request) -> Response {
        .text("\(request.head.method.name) \(String(request.head.path)) \(String(request.body))")
    }
}

extension Response {
    static func text(_ text: String, status: Int = 200) -> Response {
        var headers = HeaderFields()
        headers.add("Content-Type", "text/plain")
        return Response(status: status, headers: headers, body: .bytes(Array(text.utf8)))
    }
}

extension String {
    init(_ bytes: BorrowedBytes) { self.init(decoding: bytes, as: UTF8.self) }
}

/// Calls `body` with a server that listens on a free port of this machine, and stops it.
///
/// - Parameters:
///   - handler: What answers; the echo if not said.
///   - threads: How many threads serve.
///   - maxConnections: The most connections at a time.
///   - maxConnectionsPerAddress: The most connections at a time from one address.
///   - idleTimeout: How long a connection may be silent.
///   - maxBodyMemory: How many bytes the bodies may take.
func withServer<Result>(
    _ handler: some HTTPHandler = TestHandler(), threads: Int = 2, maxConnections: Int = 1000,
    idleTimeout: Duration = .seconds(120), maxBodyMemory: Int = 1 << 30, maxHeadBytes: Int = 8192,
    maxConnectionsPerAddress: Int? = nil,
    _ body: (HTTPServer) throws -> Result
) throws -> Result {
    let configuration = HTTPServerConfiguration(
        port: 0, threads: threads, maxConnections: maxConnections,
        maxConnectionsPerAddress: maxConnectionsPerAddress, idleTimeout: idleTimeout,
        maxBodyMemory: maxBodyMemory, maxHeadBytes: maxHeadBytes)
    let server = try HTTPServer(configuration, handler: handler)
    defer { server.stop() }
    return try body(server)
}

extension HTTPServer {
    func connect(receiveBuffer: CInt? = nil) throws -> TestConnection {
        try TestConnection(port: port, receiveBuffer: receiveBuffer)
    }

    /// Sends a request on a connection of its own, and reads the reply.
    func ask(_ request: String) throws -> TestReply {
        let connection = try connect()
        try connection.send(request)
        return try connection.readReply()
    }
}

/// A request for a path, without a body.
func get(_ path: String, headers: String = "") -> String { "GET \(path) HTTP/1.1\r\nHost: test\r\n\(headers)\r\n" }

/// A request with a body whose length is told.
func put(_ path: String, _ body: String, headers: String = "") -> String {
    "PUT \(path) HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
}
