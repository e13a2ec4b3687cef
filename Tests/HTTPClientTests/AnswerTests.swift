internal import Compression
internal import HTTPClient
internal import TestSupport
internal import Testing
internal import Threading

@Suite("HTTPClient: answers")
struct AnswerTests {
    @Test("A response has its status, its fields and its body")
    func response() async throws {
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 100 Continue\r\nInterim: 1\r\n\r\n")
            try connection.answer(
                "hello", status: "404 Not Found",
                headers: "X-Kind:  A \r\nVary: accept\r\nVARY: origin\r\nFolded: one\r\n two\r\nEmpty:\r\n")
        }
        defer { end(client, server) }
        let response = try await client.send(HTTPClientRequest(url: server.url()))
        #expect(response.status == 404)
        #expect(response.text == "hello")
        #expect(response.header("x-kind") == "A")
        #expect(response.header("vary") == "accept, origin")
        #expect(response.header("folded") == "one two")
        #expect(response.header("empty") == "")
        #expect(response.header("interim") == nil)
    }

    @Test("What is asked for is sent as it is")
    func request() async throws {
        let (client, server) = try serve { connection, _ in
            try connection.answer(connection.readHead().joined(separator: "\n"))
        }
        defer { end(client, server) }
        let request = HTTPClientRequest(
            url: server.url("/a/../b%2F?q=1%202"), headers: [("X-Key", "v:1"), ("X-None", "")])
        let lines = try await client.send(request).text.split(separator: "\n")
        #expect(lines.first == "GET /a/../b%2F?q=1%202 HTTP/1.1")
        #expect(lines.contains("X-Key: v:1"))
        #expect(lines.contains("X-None:"))
        #expect(lines.contains("User-Agent: production-cache"))
        #expect(lines.contains("Accept-Encoding: zstd, gzip"))
    }

    @Test("One connection serves requests that come one after another")
    func reuse() async throws {
        // The test's own task may have to wait for others'.
        let (client, server) = try serve(HTTPClientConfiguration(idleTimeout: .seconds(3600))) { connection, _ in
            while true {
                let head = try connection.readHead()
                try connection.answer(head[0])
            }
        }
        defer { end(client, server) }
        for number in 0..<50 {
            let response = try await client.send(HTTPClientRequest(url: server.url("/\(number)")))
            #expect(response.text == "GET /\(number) HTTP/1.1")
        }
        #expect(server.acceptedCount == 1)
    }

    @Test("A connection that the server has closed meanwhile is no error")
    func staleConnection() async throws {
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.answer("once")
        }
        defer { end(client, server) }
        for _ in 0..<20 {
            let response = try await client.send(HTTPClientRequest(url: server.url()))
            #expect(response.text == "once")
        }
    }

    @Test("Bodies come decompressed", arguments: [CompressionFormat.zstd, .gzip])
    func compressed(_ format: CompressionFormat) async throws {
        let text = String(repeating: "well packed ", count: 10_000)
        let (client, server) = try servePacked(try #require(pack(text, format)), format)
        defer { end(client, server) }
        let response = try await client.send(HTTPClientRequest(url: server.url()))
        #expect(response.text == text)
    }

    @Test("A small body may not grow beyond the bound", arguments: [CompressionFormat.zstd, .gzip])
    func bomb(_ format: CompressionFormat) async throws {
        let packed = try #require(pack(String(repeating: "0", count: 64 << 20), format))
        #expect(packed.count < 1 << 20)
        let (client, server) = try servePacked(packed, format)
        defer { end(client, server) }
        let error = await client.failure(HTTPClientRequest(url: server.url(), maxBodyBytes: 1 << 20))
        #expect(error?.code == .tooLarge)
    }

    @Test("Thousands of requests at a time are served over as many connections as there may be")
    func thousands() async throws {
        let open = Locked((now: 0, most: 0))
        let (client, server) = try serve(HTTPClientConfiguration(maxConnectionsPerHost: 64)) { connection, _ in
            while true {
                let head = try connection.readHead()
                open.withLock { open in
                    open.now += 1
                    open.most = max(open.most, open.now)
                }
                defer { open.withLock { $0.now -= 1 } }
                try connection.answer(head[0])
            }
        }
        defer { end(client, server) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<4000 {
                group.addTask {
                    let request = HTTPClientRequest(url: server.url("/\(number)"), timeout: .seconds(3600))
                    return try await client.send(request).text == "GET /\(number) HTTP/1.1"
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        #expect(server.acceptedCount <= 64)
        #expect(open.withLock { $0.most } > 1)
    }

    @Test("A host that does not answer holds up no other")
    func turns() async throws {
        let slow = try RawServer { connection, _ in connection.awaitEnd() }
        defer { slow.stop() }
        let (client, server) = try serve(HTTPClientConfiguration(maxConnections: 3, maxConnectionsPerHost: 2)) {
            connection, _ in
            while true {
                _ = try connection.readHead()
                try connection.answer("quick")
            }
        }
        defer { end(client, server) }
        let ended = Tally()
        let stuck = (0..<20).map { _ in
            client.send(HTTPClientRequest(url: slow.url(), timeout: .seconds(3600))) { _ in ended.add() }
        }
        for _ in 0..<20 {
            let response = try await client.send(HTTPClientRequest(url: server.url()))
            #expect(response.text == "quick")
        }
        #expect(ended.value == 0)
        // Those that wait as well as those at work.
        for transfer in stuck.reversed() { transfer.cancel() }
        try await waitUntil("all are cancelled") { ended.value == 20 }
    }

    /// A client, and a server that answers one request with what was packed.
    private func servePacked(
        _ packed: [UInt8], _ format: CompressionFormat
    ) throws -> (client: HTTPClient, server: RawServer) {
        try serve { connection, _ in
            _ = try connection.readHead()
            try connection.send(
                "HTTP/1.1 200 OK\r\nContent-Encoding: \(format.rawValue)\r\nContent-Length: \(packed.count)\r\n\r\n")
            try connection.send(packed)
        }
    }

    private func pack(_ text: String, _ format: CompressionFormat) -> [UInt8]? {
        Array(text.utf8).withUnsafeBytes { CompressorPool.compress($0, format) }
    }
}
