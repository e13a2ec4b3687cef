internal import TestSupport
internal import Testing

@testable internal import MicroHTTP

/// How large a request's head may be: what is within the bounds is answered, and what is beyond has no effect.
struct HeadBoundsTests {
    /// What the tests' servers have.
    private static let bytes = 8192

    /// Answers with the longest fields that a response may have.
    private let talkative = TestHandler(onRespond: { request in
        var response = TestHandler.echo(request)
        let rest = 576 - response.headers.text.count - "X-Long: \r\n".utf8.count
        response.headers.add("X-Long", String(repeating: "y", count: rest))
        return response
    })

    /// A head of exactly so many bytes and fields.
    ///
    /// - Parameters:
    ///   - line: The request's line.
    ///   - fields: Fields that are among them, each with its line's end.
    private func head(_ line: String, bytes: Int, fields count: Int, fields: [String] = []) -> String {
        let all = ["Host: test\r\n"] + fields
        let short = (0..<(count - all.count - 1)).map { _ in "A:\r\n" }.joined()
        let begun = "\(line)\r\n" + all.joined() + short + "Long: "
        return begun + String(repeating: "x", count: bytes - begun.utf8.count - 4) + "\r\n\r\n"
    }

    private static let counted = [
        (Self.bytes, HeadBounds.fields), (Self.bytes, 3), (300, HeadBounds.fields),
        (6144, HeadBounds.fields),
        (6145, HeadBounds.fields), (8000, 20),
    ]

    @Test(arguments: counted)
    func withinTheBoundsAllIsAnswered(bytes: Int, fields: Int) throws {
        let body = String(repeating: "b", count: 10_000)
        let requests = [
            (head("GET /g HTTP/1.1", bytes: bytes, fields: fields), "GET /g "),
            (
                head("PUT /p HTTP/1.1", bytes: bytes, fields: fields, fields: ["Content-Length: 10000\r\n"]) + body,
                "PUT /p \(body)"
            ),
            (
                head("PUT /c HTTP/1.1", bytes: bytes, fields: fields, fields: ["Transfer-Encoding: chunked\r\n"])
                    + "2710\r\n\(body)\r\n0\r\n\r\n",
                "PUT /c \(body)"
            ),
        ]
        try withServer(talkative) { server in
            for (request, text) in requests {
                // One after the other, with the next on its heels, and in pieces.
                let connection = try server.connect()
                for _ in 0..<3 {
                    try connection.send(request)
                    #expect(try connection.readReply().text == text)
                }
                try connection.send(String(repeating: request, count: 5))
                for _ in 0..<5 { #expect(try connection.readReply().text == text) }
                for piece in Array(request.utf8).split(maxLength: 1000) { try connection.send(piece) }
                #expect(try connection.readReply().text == text)
                // As the first of its connection.
                #expect(try server.ask(request).text == text)
                #expect(try server.ask("\r\n" + request).text == text)
            }
        }
    }

    @Test(arguments: [
        (Self.bytes + 1, 3), (Self.bytes + 1, HeadBounds.fields), (400, HeadBounds.fields + 1),
        (Self.bytes, HeadBounds.fields + 1), (9000, 50), (11_000, 5), (11_900, 3), (8192, 55), (1000, 140),
    ])
    func beyondTheBoundsNothingHasAnEffect(bytes: Int, fields: Int) throws {
        let asked = Tally()
        let handler = TestHandler(
            onAdmit: { _ in
                asked.add()
                return .collect(limit: 1 << 20)
            },
            onRespond: {
                asked.add()
                return TestHandler.echo($0)
            })
        try withServer(handler) { server in
            for (line, field, body) in [
                ("GET /g HTTP/1.1", "X:\r\n", ""), ("PUT /p HTTP/1.1", "Content-Length: 5\r\n", "12345"),
                ("PUT /c HTTP/1.1", "Transfer-Encoding: chunked\r\n", "5\r\n12345\r\n0\r\n\r\n"),
            ] {
                let connection = try server.connect()
                try connection.send(head(line, bytes: bytes, fields: fields, fields: [field]) + body)
                let reply = try connection.readReply()
                #expect(reply.status == 431)
                #expect(reply.closes)
                #expect(
                    reply.text == """
                        the request's head is too large; its line and fields may have 8192 bytes, and 40 fields, where the \
                        value of Cookie counts twice and each cookie as a field
                        """)
                #expect(try connection.readToEnd().isEmpty)
            }
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
        }
        #expect(asked.value == 0)
    }

    @Test(arguments: [2048, 5120, 65_536])
    func theBoundIsTheServersToSet(bytes: Int) throws {
        try withServer(talkative, maxHeadBytes: bytes) { server in
            for fields in [3, HeadBounds.fields] {
                let request = head("GET /g HTTP/1.1", bytes: bytes, fields: fields)
                let connection = try server.connect()
                for _ in 0..<3 {
                    try connection.send(request)
                    #expect(try connection.readReply().text == "GET /g ")
                }
                #expect(try server.ask(head("GET /g HTTP/1.1", bytes: bytes + 1, fields: fields)).status == 431)
            }
        }
    }

    @Test func aReplyToHeadHasNoBodyThere() throws {
        try withServer { server in
            let connection = try server.connect()
            try connection.send(head("HEAD /h HTTP/1.1", bytes: 9000, fields: 3))
            #expect(try connection.readReply(toHead: true).status == 431)
            #expect(try connection.readToEnd().isEmpty)
        }
    }

    /// The library keeps cookies a second time.
    @Test func cookiesCount() throws {
        func cookie(_ text: String) -> String {
            head("GET /g HTTP/1.1", bytes: 4500, fields: 4, fields: ["Cookie: \(text)\r\n"])
        }
        let pairs = HeadBounds.fields - 4
        try withServer(talkative) { server in
            for text in [
                String(repeating: "c", count: Self.bytes - 4500),
                Array(repeating: "a=b", count: pairs).joined(separator: "; "),
                "a=\"b;c\"; d",
            ] {
                #expect(try server.ask(cookie(text)).text == "GET /g ")
            }
            for text in [
                String(repeating: "c", count: Self.bytes - 4500 + 1),
                Array(repeating: "a=b", count: pairs + 1).joined(separator: "; "),
            ] {
                #expect(try server.ask(cookie(text)).status == 431)
            }
            #expect(
                try server.ask(
                    head(
                        "PUT /p HTTP/1.1", bytes: 8000, fields: 5,
                        fields: ["Cookie: a=\(String(repeating: ";", count: 3000))\r\n", "Content-Length: 1\r\n"]) + "1"
                ).status == 431)
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
        }
    }

    @Test func trailersCountAsFieldsOfTheHead() throws {
        let line = "PUT /c HTTP/1.1"
        let chunked = ["Transfer-Encoding: chunked\r\n"]
        func request(_ head: String, trailers: String) -> String { head + "1\r\nb\r\n0\r\n\(trailers)\r\n" }
        let small = head(line, bytes: 200, fields: 5, fields: chunked)
        let large = head(line, bytes: 8000, fields: 5, fields: chunked)
        func trailers(_ count: Int) -> String { String(repeating: "T: 1\r\n", count: count) }
        func trailer(_ bytes: Int) -> String { "T: " + String(repeating: "t", count: bytes - 5) + "\r\n" }
        try withServer(talkative) { server in
            for good in [
                request(small, trailers: trailers(HeadBounds.fields - 5)), request(small, trailers: trailer(7000)),
                request(large, trailers: trailers(30)), request(large, trailers: trailer(Self.bytes - 8000 - 2)),
            ] {
                let connection = try server.connect()
                for _ in 0..<2 {
                    try connection.send(good)
                    #expect(try connection.readReply().text == "PUT /c b")
                }
            }
            for bad in [
                request(small, trailers: trailers(HeadBounds.fields - 4)), request(small, trailers: trailers(100)),
                request(small, trailers: trailer(9000)), request(large, trailers: trailer(Self.bytes - 8000 - 1)),
                request(small, trailers: trailers(500)),
            ] {
                let reply = try server.ask(bad)
                #expect(reply.status == 431)
                #expect(reply.closes)
            }
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
        }
    }

    /// The library would note each parameter, and close the connection without a word when its memory is full.
    @Test func aQueryMayHaveAnyNumberOfParameters() throws {
        let handler = TestHandler(onRespond: { .text("\($0.head.parameters.reduce(0) { count, _ in count + 1 })") })
        try withServer(handler) { server in
            let connection = try server.connect()
            for count in [1, 184, 1000, 4000] {
                try connection.send(get("/p?" + Array(repeating: "a", count: count).joined(separator: "&")))
                #expect(try connection.readReply().text == "\(count)")
            }
        }
    }
}

extension Array {
    fileprivate func split(maxLength: Int) -> [[Element]] {
        stride(from: 0, to: count, by: maxLength).map { Array(self[$0..<Swift.min($0 + maxLength, count)]) }
    }
}
