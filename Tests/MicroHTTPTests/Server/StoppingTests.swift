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
        let server = try HTTPServer(HTTPServerConfiguration(port: 0, threads: 2), handler: TestHandler())
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
        let other = try HTTPServer(HTTPServerConfiguration(port: 0, threads: 3), handler: TestHandler())
        try runThreads(4) { number in
            if number.isMultiple(of: 2) { other.stop() } else { other.stopListening() }
        }
        #expect(throws: TestConnection.Failure.self) { try other.connect() }
    }

    @Test func aServerThatIsDroppedStops() throws {
        let port: Int
        do {
            let server = try HTTPServer(HTTPServerConfiguration(port: 0), handler: TestHandler())
            port = server.port
            #expect(try server.ask(get("/")).status == 200)
        }
        #expect(throws: TestConnection.Failure.self) { try TestConnection(port: port) }
    }

    @Test func thePortIsFreeAgainAtOnce() throws {
        let first = try HTTPServer(HTTPServerConfiguration(port: 0, threads: 2), handler: TestHandler())
        let connection = try first.connect()
        try connection.send(get("/"))
        #expect(try connection.readReply().status == 200)
        first.stop()
        // The old connection still waits to be forgotten by the system.
        let second = try HTTPServer(HTTPServerConfiguration(port: first.port, threads: 2), handler: TestHandler())
        defer { second.stop() }
        #expect(try second.ask(get("/")).status == 200)
    }

    @Test func requestsInFlightAreThoseNotAnsweredInFull() throws {
        try withServer { server in
            #expect(server.requestsInFlight == 0)
            let idle = try server.connect()
            try idle.send("GET / HTTP/1.1")
            let connections = try (0..<5).map { _ in try server.connect() }
            for connection in connections {
                try connection.send("PUT /p HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n")
            }
            // A request begins when its line is there, which the idle one's is not.
            try waitUntil("all have begun") { server.requestsInFlight == 5 }
            for (number, connection) in connections.enumerated() {
                try connection.send("ab")
                #expect(try connection.readReply().text == "PUT /p ab")
                try waitUntil("\(number + 1) are done") { server.requestsInFlight == 4 - number }
            }
        }
    }

    /// The library's own way to stop a pool of threads listening aborts the process now and then under load.
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
