internal import MicroHTTP
internal import Testing

/// Requests one after the other on a connection.
struct KeepAliveTests {
    @Test func aConnectionServesManyRequests() throws {
        try withServer { server in
            let connection = try server.connect()
            for number in 0..<100 {
                try connection.send(number.isMultiple(of: 2) ? get("/\(number)") : put("/\(number)", "body \(number)"))
                let reply = try connection.readReply()
                #expect(reply.status == 200)
                #expect(!reply.closes)
                #expect(reply["Date"] != nil)
                #expect(
                    reply.text == (number.isMultiple(of: 2) ? "GET /\(number) " : "PUT /\(number) body \(number)"))
            }
            #expect(server.connectionCount == 1)
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        try withServer { server in
            let connection = try server.connect()
            let requests = (0..<200).map { $0.isMultiple(of: 3) ? put("/\($0)", "\($0)") : get("/\($0)") }
            try connection.send(requests.joined())
            for number in 0..<200 {
                let expected = number.isMultiple(of: 3) ? "PUT /\(number) \(number)" : "GET /\(number) "
                #expect(try connection.readReply().text == expected)
            }
        }
    }

    @Test func aRequestMayArriveByteByByte() throws {
        try withServer { server in
            let connection = try server.connect()
            for byte in Array((put("/slow", "12345") + get("/next")).utf8) { try connection.send([byte]) }
            #expect(try connection.readReply().text == "PUT /slow 12345")
            #expect(try connection.readReply().text == "GET /next ")
        }
    }

    @Test func aRequestMayBeSplitAnywhere() throws {
        let request = Array(put("/p?q=1", "0123456789", headers: "X-A: b\r\n").utf8)
        try withServer(threads: 1) { server in
            let connection = try server.connect()
            for split in 1..<request.count {
                try connection.send(Array(request[..<split]))
                // What came so far is dealt with before the rest is sent: the one thread has answered another since.
                #expect(try server.ask(get("/other")).status == 200)
                try connection.send(Array(request[split...]))
                #expect(try connection.readReply().text == "PUT /p 0123456789", "split at \(split)")
            }
        }
    }

    @Test func theEndOfTheConnectionIsAgreedOn() throws {
        try withServer { server in
            let asked = try server.connect()
            try asked.send(get("/last", headers: "Connection: close\r\n"))
            #expect(try asked.readReply().closes)
            #expect(try asked.readToEnd().isEmpty)

            let old = try server.connect()
            try old.send("GET /old HTTP/1.0\r\n\r\n")
            let reply = try old.readReply()
            #expect(reply.text == "GET /old ")
            #expect(reply.closes)
            #expect(try old.readToEnd().isEmpty)

            let kept = try server.connect()
            for _ in 0..<3 {
                try kept.send("GET /kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                #expect(try kept.readReply()["Connection"] == "Keep-Alive")
            }
        }
    }

    @Test func aHandlerCanEndTheConnection() throws {
        let handler = TestHandler(onRespond: { _ in
            var response = Response.text("bye")
            response.closesConnection = true
            return response
        })
        try withServer(handler) { server in
            let connection = try server.connect()
            try connection.send(get("/"))
            #expect(try connection.readReply().closes)
            #expect(try connection.readToEnd().isEmpty)
        }
    }

    @Test func aSilentConnectionIsClosed() throws {
        try withServer(idleTimeout: .milliseconds(600)) { server in
            let silent = try server.connect()
            let halfway = try server.connect()
            try halfway.send("GET / HTTP/1.1\r\nHost:")
            let finished = try server.connect()
            try finished.send(get("/"))
            #expect(try finished.readReply().status == 200)
            #expect(try silent.readToEnd().isEmpty)
            #expect(try halfway.readToEnd().isEmpty)
            #expect(try finished.readToEnd().isEmpty)
        }
    }

    @Test func linesMayEndWithLineFeedsAlone() throws {
        try withServer { server in
            let connection = try server.connect()
            try connection.send(
                "PUT /lf HTTP/1.1\nHost: test\nContent-Length: 2\n\nokGET /next HTTP/1.1\nHost: test\n\n")
            #expect(try connection.readReply().text == "PUT /lf ok")
            #expect(try connection.readReply().text == "GET /next ")
        }
    }
}
