internal import MicroHTTP
internal import TestSupport
internal import Testing

/// Requests of which one cannot tell where they end, or of which two readers could think differently.
struct FramingTests {
    private func request(_ fields: String, body: String = "2\r\nok\r\n0\r\n\r\n") -> String {
        "PUT /smuggled HTTP/1.1\r\nHost: test\r\n\(fields)\r\n\r\n\(body)"
    }

    @Test(arguments: [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "content-length: 5\r\ntransfer-encoding: CHUNKED",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nX: y\r\nContent-Length: 6",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 05",
        "Content-Length: 9223372036854775808",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked \t",
        "Transfer-Encoding:",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        // Names that are no tokens.
        "X Y: 1", "X(1): 1", "X\u{B}: 1", "Content-Length\u{B}: 5", "X@: 1", "\u{E4}: 1",
        // White space around a name, and a field that goes on in the next line.
        "Content-Length : 5",
        "Content-Length\t: 5",
        "Transfer-Encoding : chunked",
        " Content-Length: 5",
        "X: y\r\n Content-Length: 5",
        "X: y\r\n\tz",
        "Content-Length: 5\r\n 6",
        "Content-Length: 5\r\nX: y\r\n z",
        "Transfer-Encod:       chunked\r\n ing",
        "Transfer-Encoding:\r\n chunked",
        // A field without a name, at which the library would end the head, and bytes behind a NUL, which it would lose.
        ": 5",
        ":\r\nContent-Length: 5",
        "X: y\r\n:\r\nContent-Length: 5",
        "X: y\r\n: z\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\0 6",
        "Content-Length: 5\0\r\nX: y",
        "X: y\0z\r\nContent-Length: 5",
        "X: y\r\n\0\r\nContent-Length: 5",
        "X: y\r\n\0: z\r\nContent-Length: 5",
        "X\0: y",
        // A carriage return that some take for the end of a line.
        "X: y\rContent-Length: 5", "X: \r", "X: y\r\r", "X\ry: z", "\rX: y",
    ])
    func isRefusedAndTheConnectionEnds(fields: String) throws {
        let asked = Tally()
        let handler = TestHandler(
            onAdmit: { _ in
                asked.add()
                return .collect(limit: 100)
            },
            onRespond: {
                asked.add()
                return TestHandler.echo($0)
            })
        try withServer(handler) { server in
            let connection = try server.connect()
            // Another request behind it must not be answered.
            connection.sendAsMuchAsTaken(Array((request(fields) + get("/next")).utf8))
            let reply = try connection.readReply()
            try #require(reply.status == 400, "\(reply.text)")
            try #require(reply.closes)
            #expect(!reply.text.contains("smuggled"))
            #expect(!String(decoding: try connection.readToEnd(), as: UTF8.self).contains("/next"))
        }
        #expect(asked.value == 0)
    }

    @Test(arguments: [
        "5 ", "5\t", "+5", "-5", "0x5", "5 5", "5,5", "5;", "five", "5.0", "1e1", "99999999999999999999999999",
        "\u{665}",
    ])
    func anOddLengthIsRefused(length: String) throws {
        try withServer { server in
            let connection = try server.connect()
            connection.sendAsMuchAsTaken(
                Array((request("Content-Length: \(length)", body: "12345") + get("/next")).utf8))
            let reply = try connection.readReply()
            #expect(reply.status == 400 || reply.status == 413)
            #expect(reply.closes)
            #expect(!String(decoding: try connection.readToEnd(), as: UTF8.self).contains("/next"))
        }
    }

    @Test func theReasonIsTold() throws {
        for (fields, reason) in [
            (
                "Content-Length: 5\r\nTransfer-Encoding: chunked",
                "the request has both Content-Length and Transfer-Encoding; it may have one of them"
            ),
            (
                "Content-Length: 5\r\nContent-Length: 6",
                "the request has several values of Content-Length; it may have one"
            ),
            (
                "Content-Length: 9223372036854775808",
                "the Content-Length is not a number of bytes; it must be decimal digits"
            ),
            (
                "Transfer-Encoding: gzip",
                "the Transfer-Encoding is not understood; it must be chunked, with nothing behind it"
            ),
            (
                "A : b",
                "a header field has white space around its name; the name must stand directly before the colon"
            ),
            (
                "A: b\0c",
                "a header field has no name, or a NUL byte in it; it must be a name, a colon and a value"
            ),
            (
                "A: b\rc",
                "the head has a carriage return in the midst of a line; it may stand before a line feed only"
            ),
            ("A: b\r\n c", "a header field goes on in the next line; it must be on one line"),
            ("Host: other", "the request has 2 Host fields; it must have one"),
        ] {
            let reply = try withServer { try $0.ask(request(fields)) }
            #expect(reply.text == reason)
        }
    }

    @Test(arguments: [
        "Content-Length: 5", "content-length:5", "Content-Length:\t5", "Content-Length:     5", "Content-Length: 005",
        "Content-Length: 5\r\nContent-Length: 5",
    ])
    func whatIsClearIsTaken(fields: String) throws {
        try withServer { server in
            let connection = try server.connect()
            try connection.send(request(fields, body: "12345") + get("/next"))
            #expect(try connection.readReply().text == "PUT /smuggled 12345")
            #expect(try connection.readReply().text == "GET /next ")
        }
    }

    @Test(arguments: [
        "GET /a b HTTP/1.1\r\nHost: test\r\n\r\n", "GET  /a HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /a\0b HTTP/1.1\r\nHost: test\r\n\r\n", "GET /a\0HTTP/b HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /a?b\0HTTP/c HTTP/1.1\r\nHost: test\r\n\r\n", "GET /a\0HTTP/?b&c HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /a?b\0c HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /a?b=c\0d&e=f HTTP/1.1\r\nHost: test\r\n\r\n", "G\0T /a HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: test\r\nHost: test\r\n\r\n", "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /a\r\n\r\n", "GET\r\n\r\n", "/a\r\n\r\n", "GET /a HTTP/one\r\nHost: test\r\n\r\n",
        "GET /a HTTP/1.1\r\n\0\r\nHost: test\r\n\r\n", "GET /a\rb HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /a HTTP/1.1\r\r\nHost: test\r\n\r\n", "GET /a?b c HTTP/1.1\r\nHost: test\r\n\r\n",
    ])
    func whatIsNotHTTPIsRefusedAndTheConnectionEnds(request: String) throws {
        try withServer { server in
            let other = try server.connect()
            try other.send(get("/other"))
            #expect(try other.readReply().status == 200)

            let connection = try server.connect()
            connection.sendAsMuchAsTaken(Array((request + get("/next")).utf8))
            let answer = String(decoding: try connection.readToEnd(), as: UTF8.self)
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
            #expect(!answer.contains("/next"))

            try other.send(get("/other"))
            #expect(try other.readReply().status == 200)
        }
    }

    @Test func headersThatAreTooLargeAreRefused() throws {
        try withServer { server in
            let long = String(repeating: "x", count: 70_000)
            for (request, statuses) in [
                (get("/\(long)"), [414]), (get("/", headers: "X: \(long)\r\n"), [431]),
                (get("/", headers: String(repeating: "A: b\r\n", count: 20_000)), [431]),
                (get("/?\(String(repeating: "a&", count: 35_000))"), [414, 431]),
            ] {
                let connection = try server.connect()
                connection.sendAsMuchAsTaken(Array(request.utf8))
                let reply = try connection.readReply()
                #expect(statuses.contains(reply.status), "\(reply.status)")
                #expect(reply.closes)
            }
            #expect(try server.ask(get("/after")).status == 200)
        }
    }
}
