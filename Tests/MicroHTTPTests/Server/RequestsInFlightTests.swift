internal import MicroHTTP
internal import TestSupport
internal import Testing

/// Which requests are in flight: a server that stops waits for these, so none may be left over.
struct RequestsInFlightTests {
    @Test func areThoseNotAnsweredInFull() throws {
        try withServer { server in
            #expect(server.requestsInFlight == 0)
            let idle = try server.connect()
            try idle.send("GET /?q HTTP/1.1\r\nHost: test\r\n")
            let connections = try (0..<5).map { _ in try server.connect() }
            for connection in connections {
                try connection.send("PUT /p HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n")
            }
            // A request begins when its head is there, which the idle one's is not.
            try waitUntil("all have begun") { server.requestsInFlight == 5 }
            for (number, connection) in connections.enumerated() {
                try connection.send("ab")
                #expect(try connection.readReply().text == "PUT /p ab")
                try waitUntil("\(number + 1) are done") { server.requestsInFlight == 4 - number }
            }
        }
    }

    private static func many(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    /// Requests that end in another way than with an answer to all of them.
    private static let odd = [
        "", "\r\n", "GET", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n", "GET /?a=1 HTTP/1.1\r\nHost: te",
        "GET /a\0b HTTP/1.1\r\nHost: test\r\n", "GET\r\n\r\n", "GET /a\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "GET /?\(many("a&", 300)) HTTP/1.1\r\nHost: test\r\n\r\n", "GET /a\0?\(many("a&", 300)) HTTP/1.1\r\n\r\n",
        "GET /\(many("x", 20_000)) HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nX: \(many("x", 20_000))\r\n\r\n",
        "GET / HTTP/1.1\r\n\(many("A: b\r\n", 300))\r\n",
        "GET /?\(many("a&", 300)) HTTP/1.1\r\n\(many("A: b\r\n", 300))\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\nCookie: \(many("a;", 400))\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: test\r\nCookie: \(many("a;", 400))\r\nContent-Length: x\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: x\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc",
        "PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999\r\n\r\nabc",
        "PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
        "PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\(many("A: b\r\n", 3000))",
        "PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1;\(many("x", 20_000))",
    ]

    @Test(arguments: odd)
    func noneIsLeftOver(request: String) throws {
        try withServer(idleTimeout: .seconds(1)) { server in
            // As the first of a connection and behind another; the client goes away, waits for the end, or half closes.
            for before in ["", get("/first")] {
                for end in 0..<3 {
                    var connection: TestConnection? = try server.connect()
                    connection?.sendAsMuchAsTaken(Array((before + request).utf8))
                    if !before.isEmpty { #expect(try connection?.readReply().text == "GET /first ") }
                    switch end {
                    case 0: connection = nil
                    case 1: _ = try connection?.readToEnd()
                    default:
                        connection?.finishSending()
                        _ = try connection?.readToEnd()
                    }
                }
            }
            try waitUntil("the connections are closed") { server.connectionCount == 0 }
            #expect(server.requestsInFlight == 0)
        }
    }

    /// What is refused while it arrives is answered, whether the client goes on to send or not.
    @Test func aRefusedUploadIsNone() throws {
        try withServer(TestHandler(onAdmit: { _ in .collect(limit: 10) })) { server in
            for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
                let connection = try server.connect()
                try connection.send("PUT / HTTP/1.1\r\nHost: test\r\n\(framing)\r\n\r\nb\r\n1234567890a\r\n")
                #expect(try connection.readReply().status == 413)
                try waitUntil("it is answered") { server.requestsInFlight == 0 }
                #expect(server.connectionCount == 1)
                // Its end does not count a second time.
                connection.finishSending()
                try waitUntil("the connection is closed") { server.connectionCount == 0 }
                #expect(server.requestsInFlight == 0)
            }
        }
    }
}
