internal import MicroHTTP
internal import TestSupport
internal import Testing

/// What a handler sees of a request's line and headers.
struct RequestHeadTests {
    @Test(arguments: ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY", "get", "X"])
    func methodsAreCaseSensitive(name: String) throws {
        try withServer { server in
            let known = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "QUERY"].contains(name)
            let reply = try server.ask("\(name) /m HTTP/1.1\r\nHost: test\r\n\r\n")
            #expect(reply.text == "\(known ? name : "OTHER") /m ")
        }
    }

    @Test func aReplyToHeadHasNoBody() throws {
        try withServer { server in
            let connection = try server.connect()
            try connection.send("HEAD /h HTTP/1.1\r\nHost: test\r\n\r\n" + get("/next"))
            let reply = try connection.readReply(toHead: true)
            #expect(reply["Content-Length"] == "8")
            #expect(try connection.readReply().text == "GET /next ")
        }
    }

    @Test(arguments: [
        "/", "//", "/a%2Fb", "/a%00b", "/%", "/a+b", "/caf\u{e9}", "/a;b=c", "/a#b", "*", "http://host/a",
        "/a\"<>\\^`{|}",
        "/\u{1}", "/\t",
    ])
    func theTargetIsAsItWasSent(path: String) throws {
        let handler = TestHandler(onRespond: { request in
            let mark = request.head.query.isEmpty ? "" : "?"
            return .text("\(String(request.head.path))\(mark)\(String(request.head.query))")
        })
        try withServer(handler) { server in
            for query in ["", "?", "??", "?q=%2F", "?a+b&=?#\u{e9}"] {
                let reply = try server.ask(get(path + query))
                #expect(reply.text == path + (query == "?" ? "" : query))
            }
        }
    }

    @Test func aPathIsBytes() throws {
        let handler = TestHandler(onRespond: { Response(status: 200, body: .bytes(Array($0.head.path))) })
        try withServer(handler) { server in
            let path = [UInt8(ascii: "/")] + [UInt8](0x80...0xFF)
            let connection = try server.connect()
            try connection.send(Array("GET ".utf8) + path + Array(" HTTP/1.1\r\nHost: test\r\n\r\n".utf8))
            #expect(try connection.readReply().body == path)
        }
    }

    @Test(arguments: [
        ("", "nil nil"), ("?", "nil nil"), ("?a", " nil"), ("?a=", " nil"), ("?a=1", "1 nil"), ("?a=1&", "1 nil"),
        ("?a=1&b=2", "1 2"), ("?b=2&a=1", "1 2"), ("?a=1&a=2", "1 nil"), ("?a=x+y%20z", "x+y%20z nil"),
        ("?a=b=c", "b=c nil"),
        ("?a=1?b=2", "1?b=2 nil"), ("?a=%26&b=%3D", "%26 %3D"), ("?A=1", "nil nil"), ("?&a=1", "1 nil"),
        ("?a=1&&b=2", "1 2"),
        ("?a&b", " "), ("?a=1&b=&", "1 "), ("?=x&a=1", "1 nil"), ("?a=/&b=:", "/ :"), ("?a=1#x", "1#x nil"),
        ("?%61=1&%4=2", "1 nil"), ("?+a=1&b%20=2", "nil nil"), ("?a?=1", "nil nil"), ("??a=1", "nil nil"),
    ])
    func parametersAreFound(query: String, found: String) throws {
        let handler = TestHandler(onRespond: { request in
            let values = [request.head.parameter("a"), request.head.parameter("b")]
            return .text(values.map { $0.map { String($0) } ?? "nil" }.joined(separator: " "))
        })
        let reply = try withServer(handler) { try $0.ask(get("/p\(query)")) }
        #expect(reply.text == found)
        // The request from memory must be read the same way.
        let literal = LiteralRequest(.get, "/p\(query)").answer(by: handler).collectBody()
        #expect(String(decoding: literal, as: UTF8.self) == found)
    }

    @Test func aHeadMayHaveAnyCommonForm() throws {
        try withServer { server in
            let connection = try server.connect()
            for head in [
                "GET /f HTTP/1.1\r\nHost:\r\n\r\n", "GET /f HTTP/1.1\nHost: a\nX:\n\n",
                "\r\n\r\nGET /f HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /f HTTP/1.1\r\nHost: a\r\nX: \t \r\n\r\n", "GET /f HTTP/1.1\nHost: a\r\nX: y\nZ: z\r\n\r\n",
                "GET /f HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=\"d\"; e\r\nCookie: f\r\n\r\n",
                "GET /f HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "y", count: 8_000) + "\r\nZ: z\r\n\r\n",
            ] {
                try connection.send(head)
                let reply = try connection.readReply()
                try #require(reply.text == "GET /f ", "\(head): \(reply.text)")
            }
            try connection.send("GET /f HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + "GET /f HTTP/1.0\r\n\r\n")
            #expect(try connection.readReply().text == "GET /f ")
            #expect(try connection.readReply().text == "GET /f ")
        }
    }

    @Test func headersAreFound() throws {
        let handler = TestHandler(onRespond: { request in
            let names = ["x-first", "X-EMPTY", "x-twice", "x-none", "x-tab"] as [StaticString]
            return .text(
                names.map { request.head.header($0).map { "<\(String($0))>" } ?? "nil" }.joined(separator: ","))
        })
        let headers = "X-First: a b\r\nx-empty:\r\nX-Twice:1\r\nx-twice: 2\r\nX-Tab:\t\tt\r\n"
        let reply = try withServer(handler) { try $0.ask(get("/", headers: headers)) }
        #expect(reply.text == "<a b>,<>,<1>,nil,<t>")
    }

    @Test func theFramingIsTold() throws {
        let handler = TestHandler(
            onAdmit: { .refuse(.text("\($0.framing)")) }, onRespond: { .text("no body: \($0.head.framing)") })
        try withServer(handler) { server in
            let chunked = "PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: Chunked\r\n\r\n"
            for (request, framing) in [
                (put("/", "123"), "length(3)"), (put("/", ""), "no body: none"), (get("/"), "no body: none"),
                (chunked, "chunked"),
            ] {
                let reply = try server.ask(request)
                #expect(reply.text == framing)
            }
        }
    }
}
