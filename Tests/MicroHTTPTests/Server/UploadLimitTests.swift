internal import MicroHTTP
internal import TestSupport
internal import Testing

/// Bodies that are longer than they may be.
struct UploadLimitTests {
    private static let limit = 100_000
    private let handler = TestHandler(onAdmit: { _ in .collect(limit: Self.limit) })
    private let chunkedHead = "PUT /c HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"

    private func chunk(_ count: Int) -> String {
        "\(String(count, radix: 16))\r\n\(String(repeating: "x", count: count))\r\n"
    }

    @Test func upToTheLimitIsTaken() throws {
        try withServer(handler) { server in
            let connection = try server.connect()
            let body = String(repeating: "x", count: Self.limit)
            try connection.send(put("/l", body))
            #expect(try connection.readReply().text == "PUT /l \(body)")
            try connection.send(chunkedHead + chunk(Self.limit) + "0\r\n\r\n")
            #expect(try connection.readReply().text == "PUT /c \(body)")
        }
    }

    @Test(arguments: [limit + 1, 1 << 40, Int.max])
    func anAnnouncedLengthIsRefusedWithoutTheBody(length: Int) throws {
        try withServer(handler) { server in
            let connection = try server.connect()
            try connection.send("PUT /l HTTP/1.1\r\nHost: test\r\nContent-Length: \(length)\r\n\r\n")
            let reply = try connection.readReply()
            #expect(reply.status == 413)
            #expect(reply.text == "PUT /l: over the limit of \(Self.limit)")
            #expect(reply.closes)
            #expect(try connection.readToEnd().isEmpty)
            try waitUntil("the request is over") { server.requestsInFlight == 0 }
        }
    }

    @Test func theAnswerReachesAClientThatSendsAllTheSame() throws {
        try withServer(handler) { server in
            // A client that reads nothing before it has sent all, framed either way, is not reset meanwhile.
            for request in [put("/l", String(repeating: "x", count: 4_000_000)), chunkedHead + chunk(4_000_000)] {
                let connection = try server.connect()
                try connection.send(request)
                let reply = try connection.readReply()
                #expect(reply.status == 413)
                #expect(reply.closes)
            }
        }
    }

    @Test func chunksAreRefusedAsSoonAsTheyAreTooMuch() throws {
        try withServer(handler) { server in
            let other = try server.connect()
            try other.send(get("/other"))
            #expect(try other.readReply().status == 200)

            let connection = try server.connect()
            try connection.send(chunkedHead + chunk(Self.limit - 1))
            try connection.send(chunk(1))
            try connection.send(chunk(1))
            // The end of the body has not come.
            let reply = try connection.readReply()
            #expect(reply.status == 413)
            #expect(reply.text == "PUT /c: over the limit of \(Self.limit)")
            #expect(reply.closes)
            #expect(try connection.readToEnd().isEmpty)
            // What it sends now is thrown away, and what looks like a request is none.
            connection.sendAsMuchAsTaken(Array((chunk(1000) + "0\r\n\r\n" + get("/next")).utf8))

            try other.send(get("/other"))
            #expect(try other.readReply().text == "GET /other ")
            try waitUntil("the request is over") { server.requestsInFlight == 0 }
            try waitUntil("the connection is closed") { server.connectionCount == 1 }
        }
    }

    @Test func aClientThatNeverEndsIsCutOff() throws {
        try withServer(handler) { server in
            let connection = try server.connect()
            try connection.send(chunkedHead)
            let piece = Array(chunk(1 << 20).utf8)
            var pieces = 0
            while connection.sendAsMuchAsTaken(piece) == piece.count {
                pieces += 1
                guard pieces < 200 else { break }
            }
            #expect(pieces < 200, "the server took 200 MiB of a body that may have 100,000 bytes")
            try waitUntil("the request is over") { server.requestsInFlight == 0 }
            #expect(server.bytes.received < 32 << 20)
        }
    }

    /// It is given a few seconds to send the rest of what was refused, however long a connection may be silent otherwise.
    @Test(arguments: [Duration.zero, .seconds(3600)])
    func aClientThatFallsSilentIsCutOff(idleTimeout: Duration) throws {
        try withServer(handler, idleTimeout: idleTimeout) { server in
            let connection = try server.connect()
            try connection.send("PUT /l HTTP/1.1\r\nHost: test\r\nContent-Length: \(Self.limit + 1)\r\n\r\nbegun")
            #expect(try connection.readReply().status == 413)
            try waitUntil("the connection is closed") { server.connectionCount == 0 }
        }
    }

    @Test func theRefusalCanBeMadeFromTheHead() throws {
        struct Explaining: HTTPHandler {
            func admit(_ head: RequestHead) -> Admission { .collect(limit: 1) }
            func respond(to request: Request) -> Reply { .now(.text("taken")) }
            func refuse(_ head: RequestHead, overLimit limit: Int) -> Response {
                .text(
                    "\(head.header("X-Name").map { String($0) } ?? "") \(head.parameter("q").map { String($0) } ?? "")",
                    status: 413)
            }
            func refuse(overloaded head: RequestHead) -> Response { .text("no room", status: 503) }
            func refuse(_ refusal: ConnectionRefusal) -> Response { .text("no room", status: 503) }
            func refuse(malformed detail: String) -> Response { .text(detail, status: 400) }
            func refuse(headTooLarge detail: String) -> Response { .text(detail, status: 431) }
        }
        try withServer(Explaining()) { server in
            let line = "PUT /x?q=1 HTTP/1.1\r\nHost: test\r\nX-Name: n\r\n"
            for rest in ["Content-Length: 2\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"] {
                let reply = try server.ask(line + rest)
                #expect(reply.text == "n 1")
            }
        }
    }
}

/// Bodies that take too much together.
struct BodyMemoryTests {
    private let handler = TestHandler(onAdmit: { _ in .collect(limit: 1 << 20) })

    private func head(_ count: Int) -> String { "PUT /b HTTP/1.1\r\nHost: test\r\nContent-Length: \(count)\r\n\r\n" }

    @Test func whatComesBeyondIsRefusedUntilThereIsRoom() throws {
        try withServer(handler, threads: 1, maxBodyMemory: 300_000) { server in
            let first = try server.connect()
            // As much as it announces is set aside for it.
            try first.send(head(200_000) + String(repeating: "x", count: 10))
            try waitUntil("it has begun") { server.requestsInFlight == 1 }
            let second = try server.connect()
            try second.send(head(200_000))
            let refused = try second.readReply()
            #expect(refused.status == 503 && refused.text == "PUT /b: no room" && refused.closes)
            // A small one finds room beside it.
            #expect(try server.ask(put("/small", "x")).status == 200)
            // Chunks are counted as they come.
            let chunked = try server.connect()
            try chunked.send("PUT /c HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = String(repeating: "x", count: 0x8000)
            for _ in 0..<8 { try chunked.send("8000\r\n\(chunk)\r\n") }
            #expect(try chunked.readReply().status == 503)
            try first.send(String(repeating: "x", count: 199_990))
            #expect(try first.readReply().status == 200)
            // All of it is given back: the same again, and again.
            for _ in 0..<5 {
                #expect(try server.ask(put("/again", String(repeating: "x", count: 250_000))).status == 200)
            }
        }
    }

    /// Whoever is alone is bounded by the handler's limit.
    @Test func thereIsAlwaysRoomForOne() throws {
        try withServer(handler, threads: 1, maxBodyMemory: 1000) { server in
            let reply = try server.ask(put("/large", String(repeating: "x", count: 1 << 20)))
            #expect(reply.status == 200)
        }
    }

    /// The connection is closed with its last reference.
    private func leave(_ server: HTTPServer) throws {
        let gone = try server.connect()
        try gone.send(head(250_000) + "x")
        try waitUntil("it has begun") { server.requestsInFlight == 1 }
    }

    /// What goes away in the middle gives its room back too.
    @Test func aVanishedClientLeavesRoom() throws {
        try withServer(handler, threads: 1, maxBodyMemory: 300_000) { server in
            for _ in 0..<5 {
                try leave(server)
                try waitUntil("it is over") { server.requestsInFlight == 0 }
            }
            let body = String(repeating: "x", count: 250_000)
            #expect(try server.ask(put("/b", body)).status == 200)
        }
    }
}
