internal import MicroHTTP
internal import TestSupport
internal import Testing

/// Bodies of requests.
struct UploadTests {
    private let chunkedHead = "PUT /chunked HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test(arguments: [1, 63, 64, 65, 1000, 32 * 1024, 1 << 20])
    func aBodyArrivesWhole(count: Int) throws {
        let handler = TestHandler(onRespond: { Response(status: 200, body: .bytes(Array($0.body))) })
        try withServer(handler) { server in
            let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 251 &+ $0) }
            let connection = try server.connect()
            try connection.send(Array("PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: \(count)\r\n\r\n".utf8) + body)
            #expect(try connection.readReply().body == body)
        }
    }

    @Test func chunksAreOneBody() throws {
        try withServer { server in
            let connection = try server.connect()
            for body in [
                "0\r\n\r\n", "5\r\nabcde\r\n0\r\n\r\n", "1\r\na\r\n1;ext=1\r\nb\r\n003\r\ncde\r\n0\r\n\r\n",
                "5;a=\"b\";c\r\nabcde\r\n0;last\r\nTrailer: x\r\nOther: y\r\n\r\n", "5\nabcde\n0\n\n",
                "A\r\n0123456789\r\n0\r\n\r\n",
            ] {
                try connection.send(chunkedHead + body)
                let text = try connection.readReply().text
                #expect(["PUT /chunked ", "PUT /chunked abcde", "PUT /chunked 0123456789"].contains(text), "\(text)")
            }
        }
    }

    @Test func chunksMayBeSplitAnywhere() throws {
        let body = Array("4\r\nwiki\r\n5;x=y\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n0\r\nT: u\r\n\r\n".utf8)
        try withServer(threads: 1) { server in
            let connection = try server.connect()
            for split in 1..<body.count {
                try connection.send(Array(chunkedHead.utf8) + body[..<split])
                #expect(try server.ask(get("/other")).status == 200)
                try connection.send(Array(body[split...]))
                #expect(
                    try connection.readReply().text == "PUT /chunked wikipedia in\r\n\r\nchunks.", "split at \(split)")
            }
        }
    }

    @Test func aTrailerChangesNothing() throws {
        let handler = TestHandler(onRespond: { .text($0.head.header("X-Late").map { String($0) } ?? "none") })
        try withServer(handler) { server in
            let connection = try server.connect()
            try connection.send(chunkedHead + "1\r\na\r\n0\r\nX-Late: 1\r\nContent-Length: 5\r\n\r\n" + get("/next"))
            #expect(try connection.readReply().text == "none")
            #expect(try connection.readReply().text == "none")
        }
    }

    @Test(arguments: [
        "x\r\n", "-1\r\n", "1x\r\na\r\n", "\r\n", "1\r\nab\r\n0\r\n\r\n", "0x1\r\na\r\n", " 1\r\na\r\n",
        "1 \r\na\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\na", ";\r\n",
    ])
    func chunksThatAreNoneEndTheConnection(body: String) throws {
        try withServer { server in
            let connection = try server.connect()
            connection.sendAsMuchAsTaken(Array((chunkedHead + body).utf8))
            let reply = try connection.readReply()
            #expect(reply.status == 400 || reply.status == 413)
            #expect(reply.closes)
            _ = try connection.readToEnd()
            try waitUntil("the request is over") { server.requestsInFlight == 0 }
            #expect(try server.ask(get("/after")).status == 200)
        }
    }

    @Test func aClientThatExpectsToContinueIsToldTo() throws {
        try withServer { server in
            let connection = try server.connect()
            for _ in 0..<3 {
                try connection.send(
                    "PUT /e HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
                #expect(try connection.readReply().status == 100)
                try connection.send("body")
                #expect(try connection.readReply().text == "PUT /e body")
            }
        }
    }

    @Test func aClientThatExpectsToContinueIsRefusedAtOnce() throws {
        let handler = TestHandler(onAdmit: {
            $0.framing == .chunked ? .refuse(.text("no", status: 415)) : .collect(limit: 10)
        })
        try withServer(handler) { server in
            let large = try server.connect()
            try large.send("PUT /e HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
            #expect(try large.readReply().status == 413)
            #expect(try large.readToEnd().isEmpty)

            let refused = try server.connect()
            try refused.send(
                "PUT /e HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
            #expect(try refused.readReply().status == 415)
            #expect(try refused.readToEnd().isEmpty)
        }
    }

    @Test func slowSendersAreServedSideBySide() throws {
        // More than there are threads: a body that is on its way holds up none of them.
        try withServer(threads: 1) { server in
            let connections = try (0..<20).map { _ in try server.connect() }
            for connection in connections {
                try connection.send("PUT /slow HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n")
            }
            for digit in 0..<10 {
                for connection in connections { try connection.send("\(digit)") }
                #expect(try server.ask(get("/quick")).status == 200)
            }
            for connection in connections { #expect(try connection.readReply().text == "PUT /slow 0123456789") }
        }
    }

    @Test func aMethodWithoutUseForABodyMayHaveOne() throws {
        try withServer { server in
            let connection = try server.connect()
            for method in ["GET", "DELETE", "OPTIONS", "POST", "X"] {
                try connection.send("\(method) /b HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc")
                #expect(try connection.readReply().text.hasSuffix(" /b abc"))
            }
        }
    }
}
