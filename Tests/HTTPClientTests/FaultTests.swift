internal import Foundation
internal import HTTPClient
internal import TestSupport
internal import Testing
internal import Threading

@Suite("HTTPClient: faults")
struct FaultTests {
    /// What a server does with the first request, and what the client must call it.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: HTTPClientError.Code
        let script: @Sendable (RawConnection) throws -> Void
    }

    static let faults = [
        Fault(testDescription: "ends without an answer", code: .reset) { _ in },
        Fault(testDescription: "resets the connection", code: .reset) { $0.dieHard() },
        Fault(testDescription: "ends in the midst of the head", code: .reset) {
            try $0.send("HTTP/1.1 200 OK\r\nContent-Le")
        },
        Fault(testDescription: "ends in the midst of the body", code: .reset) {
            try $0.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        },
        Fault(testDescription: "ends in the midst of a chunk", code: .reset) {
            try $0.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf")
        },
        Fault(testDescription: "resets in the midst of the body", code: .reset) {
            try $0.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            $0.dieHard()
        },
        Fault(testDescription: "sends chunks of no size", code: .reset) {
            try $0.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
            $0.awaitEnd()
        },
        Fault(testDescription: "sends garbage", code: .malformed) {
            try $0.send(String(repeating: "no such protocol\0\n", count: 1000))
        },
        Fault(testDescription: "sends a status that is none", code: .malformed) {
            try $0.send("HTTP/1.1 xyz\r\n\r\n")
        },
        Fault(testDescription: "sends what is not gzip as gzip", code: .malformed) {
            try $0.answer("plain text", headers: "Content-Encoding: gzip\r\n")
        },
        Fault(testDescription: "sends a head without end", code: .tooLarge) {
            try $0.send("HTTP/1.1 200 OK\r\n")
            while true { try $0.send("X-Field: \(String(repeating: "v", count: 1000))\r\n") }
        },
        Fault(testDescription: "sends interim responses without end", code: .tooLarge) {
            while true { try $0.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }
        },
        Fault(testDescription: "announces a body that is too large", code: .tooLarge) {
            try $0.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n")
            $0.awaitEnd()
        },
        Fault(testDescription: "sends a body without end", code: .tooLarge) {
            try $0.send("HTTP/1.1 200 OK\r\n\r\n")
            while true { try $0.send(String(repeating: "x", count: 10_000)) }
        },
        Fault(testDescription: "hangs before the head", code: .timeout) { $0.awaitEnd() },
        Fault(testDescription: "hangs in the midst of the body", code: .timeout) {
            try $0.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            $0.awaitEnd()
        },
        Fault(testDescription: "sends the head byte by byte without end", code: .timeout) { connection in
            try connection.send("HTTP/1.1 200 OK\r\nX: ")
            while true {
                // The server's pace, which is the fault.
                usleep(5000)
                try connection.send("v")
            }
        },
    ]

    @Test("A fault of the server has a name", arguments: faults)
    func fault(_ fault: Fault) async throws {
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try fault.script(connection)
        }
        defer { end(client, server) }
        // Those that must not take so long have time on a busy machine.
        let patience = Duration.milliseconds(fault.code == .timeout ? 300 : 3_600_000)
        let request = HTTPClientRequest(
            url: "http://user:hidden@127.0.0.1:\(server.port)/hidden?key=hidden", headers: [("X-Key", "hidden")],
            timeout: patience, maxBodyBytes: 1 << 20)
        let error = await client.failure(request)
        #expect(error?.code == fault.code, "\(error?.message ?? "")")
        let message = try #require(error?.message)
        #expect(message.contains("http://127.0.0.1:\(server.port)"))
        #expect(!message.contains("hidden"))
    }

    @Test("Nobody listens, and nobody has the name")
    func unreachable() async throws {
        let server = try RawServer { _, _ in }
        let url = server.url()
        server.stop()
        let client = try HTTPClient()
        defer { client.stop() }
        let refused = await client.failure(HTTPClientRequest(url: url))
        #expect(refused?.code == .connect)
        // A label of more than 63 letters has no address, whatever name servers there are.
        let label = String(repeating: "a", count: 70)
        let unnamed = await client.failure(HTTPClientRequest(url: "http://\(label).test/"))
        #expect(unnamed?.code == .resolve)
    }

    @Test(
        "What is no http or https URL is refused",
        arguments: [
            "", "127.0.0.1", "file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http://a b/", "http://a/\n",
            "http://a/\0b",
        ])
    func invalidURL(_ url: String) async throws {
        let client = try HTTPClient()
        defer { client.stop() }
        let error = await client.failure(HTTPClientRequest(url: url))
        #expect(error?.code == .invalidURL)
    }

    @Test("A header that would be two is refused, and its value not told")
    func injectedHeader() async throws {
        let client = try HTTPClient()
        defer { client.stop() }
        for header in [("X", "hidden\r\nY: 1"), ("X", "hidden\0"), ("X: 1\r\nY", "hidden"), ("", "hidden")] {
            let error = await client.failure(HTTPClientRequest(url: "http://127.0.0.1:1/", headers: [header]))
            #expect(error?.code == .invalidRequest)
            #expect(error?.message.contains("hidden") == false)
        }
    }

    @Test("A request that waits for its turn runs out of time too")
    func lateInTheQueue() async throws {
        let (client, server) = try serve(HTTPClientConfiguration(maxConnections: 1)) { connection, _ in
            connection.awaitEnd()
        }
        defer { end(client, server) }
        let first = client.send(HTTPClientRequest(url: server.url(), timeout: .seconds(3600))) { _ in }
        let error = await client.failure(HTTPClientRequest(url: server.url(), timeout: .milliseconds(50)))
        #expect(error?.code == .timeout)
        first.cancel()
    }

    @Test("Configurations out of range are refused")
    func configuration() {
        for configuration in [
            HTTPClientConfiguration(maxConnections: 0), HTTPClientConfiguration(maxConnectionsPerHost: 0),
            HTTPClientConfiguration(connectTimeout: .zero), HTTPClientConfiguration(userAgent: "a\r\nb"),
        ] {
            #expect(throws: HTTPClientError.self) { _ = try HTTPClient(configuration) }
        }
    }
}
