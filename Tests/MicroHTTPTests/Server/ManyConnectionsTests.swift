internal import MicroHTTP
internal import TestSupport
internal import Testing

/// Many clients at a time.
struct ManyConnectionsTests {
    @Test(arguments: [1, 3])
    func areAllServed(threads: Int) throws {
        try withServer(threads: threads) { server in
            let connections = try (0..<150).map { _ in try server.connect() }
            try waitUntil("all are accepted") { server.connectionCount == 150 }
            for round in 0..<3 {
                for (number, connection) in connections.enumerated() {
                    try connection.send(put("/\(number)", "\(round)"))
                }
                for (number, connection) in connections.enumerated() {
                    #expect(try connection.readReply().text == "PUT /\(number) \(round)")
                }
            }
        }
    }

    @Test func fromManyThreads() throws {
        try withServer(threads: 2) { server in
            try runThreads(8) { thread in
                for round in 0..<10 {
                    let connection = try server.connect()
                    for number in 0..<20 {
                        let body = "\(thread) \(round) \(number)"
                        try connection.send(put("/t", body))
                        let text = try connection.readReply().text
                        guard text == "PUT /t \(body)" else {
                            throw TestConnection.Failure("\(body) was answered: \(text)")
                        }
                    }
                }
            }
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
        }
    }

    /// Those beyond the most are told so, have no effect, and leave room for others once some have ended.
    @Test(arguments: [(1, 4, nil), (2, 4, nil), (1, 1000, 4), (2, 1000, 4)] as [(Int, Int, Int?)])
    func thoseBeyondTheMostAreRefused(threads: Int, most: Int, mostOfAddress: Int?) throws {
        let asked = Tally()
        let handler = TestHandler(onRespond: {
            asked.add()
            return TestHandler.echo($0)
        })
        try withServer(
            handler, threads: threads, maxConnections: most, maxConnectionsPerAddress: mostOfAddress
        ) { server in
            for _ in 0..<3 {
                var connections = try (0..<4).map { _ in try server.connect() }
                for connection in connections {
                    try connection.send(get("/in"))
                    #expect(try connection.readReply().status == 200)
                }
                let before = asked.value
                for number in 0..<12 {
                    let refused = try server.connect()
                    // Whether it asks before it is told, or after, or not at all.
                    if number % 3 == 0 { try refused.send(get("/out")) }
                    let reply = try refused.readReply()
                    if number % 3 == 1 { try refused.send(get("/out")) }
                    #expect(reply.status == 503)
                    #expect(reply.closes)
                    #expect(
                        reply.text == (mostOfAddress == nil ? "connections(most: 4)" : "connectionsOfAddress(most: 4)"))
                    #expect(try refused.readToEnd().isEmpty)
                }
                #expect(asked.value == before)
                for connection in connections {
                    try connection.send(get("/in"))
                    #expect(try connection.readReply().status == 200)
                }
                connections.removeAll()
                try waitUntil("all have ended") { server.connectionCount == 0 }
            }
            #expect(server.requestsInFlight == 0)
        }
    }
}
