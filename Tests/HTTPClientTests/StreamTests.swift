internal import HTTPClient
internal import TestSupport
internal import Testing
internal import Threading

@Suite("HTTPClient: streams")
struct StreamTests {
    @Test("A stream has its head first, and then all of the body in its order")
    func body() async throws {
        let pieces = (0..<2000).map { "line \($0)\n" }
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\nX-Kind: lines\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in pieces {
                try connection.send("\(String(piece.utf8.count, radix: 16))\r\n\(piece)\r\n")
            }
            try connection.send("0\r\nTrailer: 1\r\n\r\n")
        }
        defer { end(client, server) }
        let stream = try await client.stream(HTTPClientRequest(url: server.url()))
        #expect(stream.head.status == 200)
        #expect(stream.head.header("x-kind") == "lines")
        let all = try await stream.readAll()
        #expect(String(decoding: all, as: UTF8.self) == pieces.joined())
        let more = try await stream.next()
        #expect(more == nil)
    }

    @Test("An empty body ends at once")
    func empty() async throws {
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.answer("")
        }
        defer { end(client, server) }
        let stream = try await client.stream(HTTPClientRequest(url: server.url()))
        let all = try await stream.readAll()
        #expect(all.isEmpty)
    }

    @Test("A reader that pauses stops the server, does not run out of time, and misses nothing")
    func backPressure() async throws {
        let stalled = Flag()
        let total = 64 << 20
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            let piece = (0..<(1 << 16)).map { UInt8(truncatingIfNeeded: $0 % 251) }
            var sent = 0
            while sent < total {
                let offset = sent % piece.count
                let count = try piece.withUnsafeBytes {
                    try connection.sendSome(UnsafeRawBufferPointer(rebasing: $0[offset...]), within: 4)
                }
                if count == 0 { stalled.raise() }
                sent += count
            }
        }
        defer { end(client, server) }
        // Shorter than what the server takes to find that it is stalled, and longer than a server waits for a processor.
        let stream = try await client.stream(HTTPClientRequest(url: server.url(), timeout: .seconds(3)))
        try await waitUntil("the server cannot send more") { stalled.isUp }
        var count = 0
        var isRight = true
        while let piece = try await stream.next() {
            #expect(piece.count < 2 << 20)
            isRight =
                isRight && piece.first == UInt8(count % (1 << 16) % 251)
                && piece.last == UInt8((count + piece.count - 1) % (1 << 16) % 251)
            count += piece.count
        }
        #expect(isRight)
        #expect(count == total)
    }

    @Test("What came before a cut is read, and then the cut")
    func cut() async throws {
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        }
        defer { end(client, server) }
        let stream = try await client.stream(HTTPClientRequest(url: server.url()))
        let first = try await stream.next()
        #expect(first.map { String(decoding: $0, as: UTF8.self) } == "half")
        let error = await failure { () async throws(HTTPClientError) in try await stream.next() }
        #expect(error?.code == .reset)
    }

    @Test("A stream that falls silent ends, before its head and after")
    func silence() async throws {
        let (client, server) = try serve { connection, number in
            _ = try connection.readHead()
            if number == 1 { try connection.send("HTTP/1.1 200 OK\r\n\r\nhalf") }
            connection.awaitEnd()
        }
        defer { end(client, server) }
        let request = HTTPClientRequest(url: server.url(), timeout: .seconds(2))
        let mute = await failure { () async throws(HTTPClientError) in try await client.stream(request) }
        #expect(mute?.code == .timeout)
        let stream = try await client.stream(request)
        let error = await failure { () async throws(HTTPClientError) in try await stream.readAll() }
        #expect(error?.code == .timeout)
    }

    @Test("A stream that is let go of ends its connection")
    func release() async throws {
        let ended = Flag()
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\n\r\nhalf")
            connection.awaitEnd()
            ended.raise()
        }
        defer { end(client, server) }
        do {
            let stream = try await client.stream(HTTPClientRequest(url: server.url(), timeout: .seconds(3600)))
            #expect(stream.head.status == 200)
        }
        try await waitUntil("the connection ends") { ended.isUp }
    }

    @Test("A stream follows redirects, and fails as any exchange does")
    func redirect() async throws {
        let (client, server) = try serve { connection, _ in
            while true {
                let head = try connection.readHead()[0]
                if head.contains("/there") {
                    try connection.answer("there")
                } else {
                    try connection.answer("not here", status: "302 Found", headers: "Location: /there\r\n")
                }
            }
        }
        defer { end(client, server) }
        let stream = try await client.stream(HTTPClientRequest(url: server.url()))
        let all = try await stream.readAll()
        #expect(String(decoding: all, as: UTF8.self) == "there")
        let error = await failure { () async throws(HTTPClientError) in
            try await client.stream(HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/", maxRedirects: 0))
                .readAll()
        }
        #expect(error == nil)
    }

    @Test("Stopping the client ends a stream that is being read")
    func stop() async throws {
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\n\r\n")
            connection.awaitEnd()
        }
        defer { end(client, server) }
        let stream = try await client.stream(HTTPClientRequest(url: server.url(), timeout: .seconds(3600)))
        let reading = Task { await failure { () async throws(HTTPClientError) in try await stream.next() } }
        client.stop()
        let error = await reading.value
        #expect(error?.code == .cancelled)
    }
}

/// What `body` throws; nil if it does not.
private func failure<Value>(_ body: () async throws(HTTPClientError) -> Value) async -> HTTPClientError? {
    do throws(HTTPClientError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
