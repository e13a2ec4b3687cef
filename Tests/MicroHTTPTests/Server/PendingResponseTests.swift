internal import TestSupport
internal import Testing
internal import Threading

@testable internal import MicroHTTP

/// Responses that are made after the handler has returned.
struct PendingResponseTests {
    /// What a handler has promised, to be made by the test.
    private final class Promises: Sendable {
        private let promises = Locked<[PendingResponse]>([])

        var count: Int { promises.withLock { $0.count } }

        func make() -> PendingResponse {
            let promise = PendingResponse()
            promises.withLock { $0.append(promise) }
            return promise
        }

        /// Takes them all out.
        func take() -> [PendingResponse] {
            promises.withLock { promises in
                defer { promises = [] }
                return promises
            }
        }
    }

    private let promises = Promises()

    /// Promises whatever is asked under /later, and echoes the rest.
    private var handler: TestHandler {
        TestHandler(onReply: { [promises] request in
            String(request.head.path).hasPrefix("/later") ? .later(promises.make()) : .now(TestHandler.echo(request))
        })
    }

    @Test(arguments: [
        get("/later"), put("/later", "body"),
        "PUT /later HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    ])
    func arriveWhenTheyAreMade(request: String) throws {
        try withServer(handler, threads: 1) { server in
            let connection = try server.connect()
            try connection.send(request)
            try waitUntil("it is promised") { promises.count == 1 }
            #expect(server.requestsInFlight == 1)
            // The only thread has others to serve.
            #expect(try server.ask(get("/now")).text == "GET /now ")
            promises.take()[0].fulfill(.text("made"))
            #expect(try connection.readReply().text == "made")
            // The connection lives.
            try connection.send(get("/now"))
            #expect(try connection.readReply().text == "GET /now ")
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
        }
    }

    @Test func mayBeMadeBeforeTheHandlerReturns() throws {
        let handler = TestHandler(onReply: { _ in
            let promise = PendingResponse()
            promise.fulfill(.text("made"))
            promise.fulfill(.text("made again"))
            return .later(promise)
        })
        try withServer(handler) { server in
            let connection = try server.connect()
            for _ in 0..<100 {
                try connection.send(get("/"))
                #expect(try connection.readReply().text == "made")
            }
        }
    }

    /// What a stream holds counts until it is complete, not while its response is made.
    @Test func theirBodiesCountNoMore() throws {
        final class Hoard: BodyReceiver {
            let promises: Promises
            var heldBytes = 0
            init(_ promises: Promises) { self.promises = promises }
            func receive(_ piece: BorrowedBytes) { heldBytes += piece.count }
            func respond() -> Reply { .later(promises.make()) }
        }
        var handler = handler
        handler.onAdmit = { [promises] head in
            String(head.path) == "/later" ? .stream(Hoard(promises)) : .collect(limit: 1 << 20)
        }
        let body = String(repeating: "x", count: 50_000)
        try withServer(handler, threads: 1, maxBodyMemory: 120_000) { server in
            for _ in 0..<5 {
                let connection = try server.connect()
                try connection.send(put("/later", body))
                try waitUntil("it is promised") { promises.count == 1 }
                promises.take()[0].fulfill(.text("made"))
                #expect(try connection.readReply().text == "made")
            }
            // Two at a time have room.
            let other = try server.connect()
            try other.send(
                put("/now", String(body.dropLast())).replacing("Content-Length: 49999", with: "Content-Length: 50000"))
            #expect(try server.ask(put("/now", body)).status == 200)
        }
    }

    @Test func keepTheOrderOfRequests() throws {
        try withServer(handler) { server in
            let connection = try server.connect()
            try connection.send(get("/later") + get("/first") + get("/later") + get("/second"))
            for number in 1...2 {
                try waitUntil("it is promised") { promises.count == 1 }
                promises.take()[0].fulfill(.text("made \(number)"))
                #expect(try connection.readReply().text == "made \(number)")
                #expect(try connection.readReply().text == (number == 1 ? "GET /first " : "GET /second "))
            }
        }
    }

    @Test func answerHEADWithoutTheirContent() throws {
        try withServer(handler) { server in
            let connection = try server.connect()
            try connection.send("HEAD /later HTTP/1.1\r\nHost: test\r\n\r\n")
            try waitUntil("it is promised") { promises.count == 1 }
            promises.take()[0].fulfill(.text("made"))
            #expect(try connection.readReply(toHead: true)["Content-Length"] == "4")
            try connection.send(get("/now"))
            #expect(try connection.readReply().text == "GET /now ")
        }
    }

    @Test func endTheConnectionIfNoneWillCome() throws {
        try withServer(handler) { server in
            let connection = try server.connect()
            try connection.send(get("/later"))
            try waitUntil("it is promised") { promises.count == 1 }
            _ = promises.take()
            #expect(try connection.readToEnd().isEmpty)
            try waitUntil("no request is left") { server.requestsInFlight == 0 && server.connectionCount == 0 }
        }
    }

    @Test func areMadeForManyAtATime() throws {
        let count = 2000
        var answered = 0
        try withServer(handler, maxConnections: 3000) { server in
            let connections = try (0..<count).map { _ in try server.connect() }
            for connection in connections { try connection.send(get("/later")) }
            try waitUntil("all are promised") { promises.count == count }
            #expect(try server.ask(get("/now")).text == "GET /now ")
            let made = promises.take()
            try runThreads(4) { thread in
                for index in stride(from: thread, to: count, by: 4) { made[index].fulfill(.text("made")) }
            }
            for connection in connections {
                if try connection.readReply().text == "made" { answered += 1 }
            }
        }
        #expect(answered == count)
    }

    @Test(arguments: [false, true])
    func areDroppedWhenTheClientIsGone(hard: Bool) throws {
        try withServer(handler) { server in
            for _ in 0..<20 {
                let connection = try server.connect()
                try connection.send(get("/later"))
                if hard { connection.dieHard() }
                try waitUntil("it is promised") { promises.count == 1 }
                let promise = promises.take()[0]
                connection.finishSending()
                promise.fulfill(.text(String(repeating: "x", count: 1 << 20)))
            }
            try waitUntil("no request is left") { server.requestsInFlight == 0 && server.connectionCount == 0 }
        }
    }

    @Test func endWithTheServer() throws {
        var connections: [TestConnection] = []
        let made = try withServer(handler) { server in
            for _ in 0..<50 {
                let connection = try server.connect()
                try connection.send(get("/later"))
                connections.append(connection)
            }
            try waitUntil("all are promised") { promises.count == 50 }
            return promises.take()
        }
        // Too late: it must not touch what is gone.
        for promise in made { promise.fulfill(.text("made")) }
        for connection in connections { #expect(try connection.readToEnd().isEmpty) }
    }

    @Test func areMadeWhileTheServerStops() throws {
        for _ in 0..<20 {
            var connections: [TestConnection] = []
            let makers = try withServer(handler) { server in
                for _ in 0..<20 {
                    let connection = try server.connect()
                    try connection.send(get("/later"))
                    connections.append(connection)
                }
                try waitUntil("all are promised") { promises.count == 20 }
                let made = promises.take()
                let makers = ThreadRun(1)
                makers.start { _ in for promise in made { promise.fulfill(.text("made")) } }
                return makers
            }
            try makers.join()
            for connection in connections {
                let received = try connection.readToEnd()
                #expect(received.isEmpty || received.suffix(4).elementsEqual("made".utf8))
            }
        }
    }

    @Test func mayTakeLongerThanARequest() throws {
        let configuration = HTTPServerConfiguration(port: 0, threads: 1, requestTimeout: .milliseconds(100))
        let server = try HTTPServer(configuration, handler: handler)
        defer { server.stop() }
        let connection = try server.connect()
        try connection.send(get("/later"))
        try waitUntil("it is promised") { promises.count == 1 }
        // Another that is as old, and still arrives, is cut; so this one would have been.
        let slow = try server.connect()
        try slow.send("GET /later HTTP/1.1\r\n")
        _ = try slow.readToEnd()
        promises.take()[0].fulfill(.text("made"))
        #expect(try connection.readReply().text == "made")
    }
}
