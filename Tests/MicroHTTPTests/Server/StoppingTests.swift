internal import MicroHTTP
internal import TestSupport
internal import Testing

/// How a server ends: it listens no more, finishes what it has, and stops.
struct StoppingTests {
    @Test func whoListensNoMoreServesWhatIsOpen() throws {
        try withServer { server in
            let open = try server.connect()
            try open.send(get("/before"))
            #expect(try open.readReply().status == 200)
            let halfway = try server.connect()
            try halfway.send("PUT /halfway HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nab")
            // A connection that the server has not accepted yet would be refused now.
            try waitUntil("both are accepted") { server.connectionCount == 2 }

            server.stopListening()
            #expect(throws: TestConnection.Failure.self) { try server.connect() }

            try open.send(get("/after"))
            #expect(try open.readReply().text == "GET /after ")
            try halfway.send("cd")
            #expect(try halfway.readReply().text == "PUT /halfway abcd")
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
            #expect(server.connectionCount == 2)
        }
    }

    @Test func stoppingEndsAllConnections() throws {
        let held = try HeldPort()
        let server = try HTTPServer(HTTPServerConfiguration(port: held.port, threads: 2), handler: TestHandler())
        let idle = try server.connect()
        try idle.send(get("/"))
        #expect(try idle.readReply().status == 200)
        let halfway = try server.connect()
        try halfway.send("PUT /halfway HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nab")
        try waitUntil("the upload has begun") { server.requestsInFlight == 1 }

        server.stop()
        #expect(server.connectionCount == 0)
        #expect(server.requestsInFlight == 0)
        #expect(try idle.readToEnd().isEmpty)
        #expect(try halfway.readToEnd().isEmpty)
        #expect(throws: TestConnection.Failure.self) { try server.connect() }
    }

    @Test func endingTwiceIsAsGoodAsOnce() throws {
        let server = try HTTPServer(HTTPServerConfiguration(port: 0), handler: TestHandler())
        server.stopListening()
        server.stopListening()
        server.stop()
        server.stop()
        server.stopListening()
        #expect(server.connectionCount == 0)
        let held = try HeldPort()
        let other = try HTTPServer(HTTPServerConfiguration(port: held.port, threads: 3), handler: TestHandler())
        try runThreads(4) { number in
            if number.isMultiple(of: 2) { other.stop() } else { other.stopListening() }
        }
        #expect(throws: TestConnection.Failure.self) { try other.connect() }
    }

    @Test func aServerThatIsDroppedStops() throws {
        let held = try HeldPort()
        let connection: TestConnection
        do {
            let server = try HTTPServer(HTTPServerConfiguration(port: held.port), handler: TestHandler())
            connection = try server.connect()
            try connection.send(get("/"))
            #expect(try connection.readReply().status == 200)
        }
        #expect(try connection.readToEnd().isEmpty)
        #expect(throws: TestConnection.Failure.self) { try TestConnection(port: held.port) }
    }

    @Test func thePortIsFreeAgainAtOnce() throws {
        let held = try HeldPort()
        let configuration = HTTPServerConfiguration(port: held.port, threads: 2)
        let first = try HTTPServer(configuration, handler: TestHandler())
        let connection = try first.connect()
        try connection.send(get("/"))
        #expect(try connection.readReply().status == 200)
        first.stop()
        // The old connection still waits to be forgotten by the system.
        let second = try HTTPServer(configuration, handler: TestHandler())
        defer { second.stop() }
        #expect(try second.ask(get("/")).status == 200)
    }

    /// The library's own way to listen no more aborts the process now and then under load.
    @Test func listeningCanStopUnderAnyLoad() throws {
        for _ in 0..<TestScale.operations(percent: 1) / 200 {
            let server = try HTTPServer(HTTPServerConfiguration(port: 0, threads: 4), handler: TestHandler())
            let isOver = Flag()
            let answered = Tally()
            let clients = ThreadRun(4)
            clients.start { _ in
                while !isOver.isUp {
                    // Connections come and go; at the end they are refused, or broken off.
                    guard let connection = try? server.connect() else { return }
                    for _ in 0..<5 where connection.sendAsMuchAsTaken(Array(get("/").utf8)) > 0 {
                        guard (try? connection.readReply()) != nil else { break }
                        answered.add()
                    }
                }
            }
            try waitUntil("there is load") { answered.value >= 20 }
            server.stopListening()
            isOver.raise()
            server.stop()
            try clients.join()
        }
    }
}
