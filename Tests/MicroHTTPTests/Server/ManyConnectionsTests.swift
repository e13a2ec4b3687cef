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

    @Test(arguments: [1, 2])
    func thoseBeyondTheMostWaitTheirTurn(threads: Int) throws {
        try withServer(threads: threads, maxConnections: 4) { server in
            var connections = try (0..<12).map { _ in try server.connect() }
            for connection in connections { try connection.send(get("/")) }
            // As some end, others come in; all are served in the end.
            var served = 0
            while !connections.isEmpty {
                #expect(server.connectionCount <= 4)
                let connection = connections.removeFirst()
                #expect(try connection.readReply().status == 200)
                served += 1
            }
            #expect(served == 12)
        }
    }
}
