internal import MicroHTTP
internal import TestSupport
internal import Testing

/// What a server counts.
struct TrafficTests {
    @Test func bytesOfRequestsAndOfResponseBodies() throws {
        try withServer { server in
            #expect(server.bytes == (0, 0))
            let connection = try server.connect()
            let requests = [get("/g"), put("/p", "12345"), put("/p", "", headers: "X: y\r\n")]
            var received = 0
            var sent = 0
            for request in requests {
                try connection.send(request)
                received += request.utf8.count
                sent += try connection.readReply().body.count
            }
            try waitUntil("all is counted") { server.bytes == (received, sent) }
        }
    }

    @Test func aBodyThatIsNotSentIsNotCounted() throws {
        try withServer { server in
            let connection = try server.connect()
            let request = "HEAD /h HTTP/1.1\r\nHost: test\r\n\r\n"
            try connection.send(request)
            _ = try connection.readReply(toHead: true)
            #expect(server.bytes == (request.utf8.count, 0))
        }
    }

    @Test func chunksAreCountedByTheirContent() throws {
        try withServer { server in
            let connection = try server.connect()
            let head = "PUT /c HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
            try connection.send(head + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
            #expect(try connection.readReply().text == "PUT /c abcde")
            #expect(server.bytes == (head.utf8.count + 5, 12))
        }
    }

    @Test func connectionsThatAreOpen() throws {
        try withServer { server in
            #expect(server.connectionCount == 0)
            var connections: [TestConnection] = []
            for number in 1...5 {
                connections.append(try server.connect())
                try waitUntil("\(number) are open") { server.connectionCount == number }
            }
            for number in stride(from: 4, through: 0, by: -1) {
                connections.removeLast()
                try waitUntil("\(number) are open") { server.connectionCount == number }
            }
        }
    }
}
