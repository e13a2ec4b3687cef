internal import HTTPClient
internal import Synchronization
internal import TestSupport
internal import Testing
internal import Threading

@Suite("HTTPClient: cancelling and stopping")
struct EndingTests {
    @Test("Each exchange ends once when the client is stopped")
    func stop() async throws {
        let (client, server) = try serve(HTTPClientConfiguration(maxConnections: 10)) { connection, _ in
            connection.awaitEnd()
        }
        defer { end(client, server) }
        let ended = Tally()
        let cancelled = Tally()
        for _ in 0..<100 {
            client.send(HTTPClientRequest(url: server.url(), timeout: .seconds(3600))) { result in
                ended.add()
                if case .failure(let error) = result, error.code == .cancelled { cancelled.add() }
            }
        }
        client.stop()
        #expect(ended.value == 100)
        #expect(cancelled.value == 100)
        let late = await client.failure(HTTPClientRequest(url: server.url()))
        #expect(late?.code == .cancelled)
        client.stop()
    }

    @Test("A completion may stop the client, and let go of it")
    func stopInCompletion() async throws {
        let server = try RawServer { connection, _ in
            _ = try connection.readHead()
            try connection.answer("last")
        }
        defer { server.stop() }
        let holder = Locked<HTTPClient?>(try HTTPClient())
        let flag = Flag()
        holder.withLock { $0 }?.send(HTTPClientRequest(url: server.url())) { _ in
            let client = holder.withLock { client in
                defer { client = nil }
                return client
            }
            client?.stop()
            flag.raise()
        }
        try await waitUntil("the client is stopped") { flag.isUp }
    }

    @Test("A client that nobody has any more ends")
    func release() async throws {
        let (client, server) = try serve { connection, _ in connection.awaitEnd() }
        defer { end(client, server) }
        let flag = Flag()
        do {
            let client = try HTTPClient()
            client.send(HTTPClientRequest(url: server.url(), timeout: .seconds(3600))) { _ in flag.raise() }
        }
        try await waitUntil("the exchange ends") { flag.isUp }
    }

    @Test("A task that is cancelled cancels what it waits for")
    func cancelledTask() async throws {
        let (client, server) = try serve { connection, _ in connection.awaitEnd() }
        defer { end(client, server) }
        let url = server.url()
        let task = Task { await client.failure(HTTPClientRequest(url: url, timeout: .seconds(3600))) }
        try await waitUntil("the server is asked") { server.acceptedCount == 1 }
        task.cancel()
        let error = await task.value
        #expect(error?.code == .cancelled)
    }

    @Test("Cancelling from many threads while answers come ends each exchange once")
    func cancelRace() async throws {
        let (client, server) = try serve { connection, _ in
            while true {
                _ = try connection.readHead()
                try connection.answer("x")
            }
        }
        defer { end(client, server) }
        let ended = Tally()
        let url = server.url()
        try runThreads(4) { _ in
            for _ in 0..<200 {
                let transfer = client.send(HTTPClientRequest(url: url, timeout: .seconds(3600))) { _ in ended.add() }
                transfer.cancel()
                transfer.cancel()
            }
        }
        try await waitUntil("all have ended") { ended.value >= 800 }
        client.stop()
        #expect(ended.value == 800)
    }
}
