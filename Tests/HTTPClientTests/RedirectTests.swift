internal import HTTPClient
internal import TestSupport
internal import Testing
internal import Threading

@Suite("HTTPClient: redirects")
struct RedirectTests {
    @Test("A redirect is followed, as often as is allowed")
    func followed() async throws {
        let (client, server) = try serve { connection, _ in
            while true {
                // /3 leads to /2, and so on to /0.
                let left = Int(try connection.readHead()[0].split(separator: " ")[1].dropFirst()) ?? 0
                if left == 0 {
                    try connection.answer("there")
                } else {
                    try connection.answer("not here", status: "302 Found", headers: "Location: /\(left - 1)\r\n")
                }
            }
        }
        defer { end(client, server) }
        let response = try await client.send(HTTPClientRequest(url: server.url("/3"), maxRedirects: 3))
        #expect(response.text == "there")
        let error = await client.failure(HTTPClientRequest(url: server.url("/4"), maxRedirects: 3))
        #expect(error?.code == .redirects)
        let unfollowed = try await client.send(HTTPClientRequest(url: server.url("/1"), maxRedirects: 0))
        #expect(unfollowed.status == 302)
        #expect(unfollowed.text == "not here")
    }

    @Test("A loop ends", arguments: [301, 302, 303, 307, 308])
    func loop(_ status: Int) async throws {
        let requests = Tally()
        let (client, server) = try serve { connection, _ in
            while true {
                _ = try connection.readHead()
                requests.add()
                try connection.answer("", status: "\(status) Go", headers: "Location: /again\r\n")
            }
        }
        defer { end(client, server) }
        let error = await client.failure(HTTPClientRequest(url: server.url()))
        #expect(error?.code == .redirects)
        #expect(requests.value == 6)
    }

    @Test(
        "Redirects to elsewhere than http and https are not followed",
        arguments: ["file:///etc/passwd", "gopher://127.0.0.1:1/", "ftp://127.0.0.1/", "http://", "javascript:1"])
    func otherProtocol(_ location: String) async throws {
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.answer("", status: "302 Found", headers: "Location: \(location)\r\n")
        }
        defer { end(client, server) }
        let error = await client.failure(HTTPClientRequest(url: server.url()))
        #expect(error?.code == .redirects, "\(error?.description ?? "")")
    }

    /// A server that a redirect leads to.
    private func elsewhere(_ note: @escaping @Sendable ([String]) -> Void) throws -> RawServer {
        try RawServer { connection, _ in
            note(try connection.readHead())
            try connection.answer("elsewhere")
        }
    }

    @Test("A redirect to another host and port has none of the caller's secrets")
    func secrets() async throws {
        let heads = Locked<[[String]]>([])
        let other = try elsewhere { head in heads.withLock { $0.append(head) } }
        defer { other.stop() }
        let elsewhere = other.url("/elsewhere")
        let (client, server) = try serve { connection, _ in
            while true {
                let head = try connection.readHead()
                heads.withLock { $0.append(head) }
                let location = head[0].contains("/first") ? "/second" : elsewhere
                try connection.answer("", status: "307 Go", headers: "Location: \(location)\r\n")
            }
        }
        defer { end(client, server) }
        let request = HTTPClientRequest(
            url: "http://user:word@127.0.0.1:\(server.port)/first",
            headers: [
                ("X-Api-Key", "hidden"), ("Cookie", "hidden=1"), ("Accept", "application/json"), ("Range", "bytes=5-"),
            ])
        let response = try await client.send(request)
        #expect(response.text == "elsewhere")
        let seen = heads.withLock { $0 }
        #expect(seen.count == 3)
        for head in seen.prefix(2) {
            #expect(head.contains("X-Api-Key: hidden"))
            #expect(head.contains("Cookie: hidden=1"))
        }
        #expect(seen[0].contains { $0.hasPrefix("Authorization: Basic") })
        let last = try #require(seen.last)
        #expect(last.contains("Accept: application/json"))
        #expect(last.contains("Range: bytes=5-"))
        #expect(!last.contains { $0.contains("hidden") || $0.lowercased().hasPrefix("authorization") })
    }

    @Test("Authorization goes to its own host alone")
    func authorization() async throws {
        let heads = Locked<[[String]]>([])
        let other = try elsewhere { head in heads.withLock { $0.append(head) } }
        defer { other.stop() }
        let elsewhere = other.url()
        let (client, server) = try serve { connection, _ in
            let head = try connection.readHead()
            heads.withLock { $0.append(head) }
            try connection.answer("", status: "302 Go", headers: "Location: \(elsewhere)\r\n")
        }
        defer { end(client, server) }
        let request = HTTPClientRequest(url: server.url(), headers: [("Authorization", "Bearer hidden")])
        _ = try await client.send(request)
        let seen = heads.withLock { $0 }
        #expect(seen.first?.contains("Authorization: Bearer hidden") == true)
        #expect(seen.last?.contains { $0.contains("hidden") } == false)
    }

    @Test("The body of a redirect is passed over, but not without end")
    func body() async throws {
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")
            while true { try connection.send(String(repeating: "x", count: 10_000)) }
        }
        defer { end(client, server) }
        let error = await client.failure(HTTPClientRequest(url: server.url(), timeout: .seconds(3600)))
        #expect(error?.code == .tooLarge)
    }
}
