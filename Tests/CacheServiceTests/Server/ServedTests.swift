internal import CacheCore
internal import Foundation
internal import MicroHTTP
internal import TestSupport
internal import Testing

@testable internal import CacheService

/// The service behind a server: what only shows over a connection.
struct ServedTests {
    private let test: TestService
    private let server: HTTPServer

    init() throws {
        test = try TestService()
        server = try HTTPServer(HTTPServerConfiguration(port: 0, threads: 2), handler: test.service)
        test.service.attach(server: server)
    }

    private func http(_ client: LoopbackClient) throws -> [String: Any] {
        let stats = try JSONSerialization.jsonObject(with: Data(try client.ask("GET", "/stats").body)) as? [String: Any]
        return try #require(stats?["http"] as? [String: Any])
    }

    @Test func trafficIsInTheFigures() throws {
        defer { server.stop() }
        let client = try LoopbackClient(port: server.port)
        let value = Array("[1,2,3]".utf8)
        #expect(try client.ask("PUT", "/keys/a", body: value).head.hasPrefix("HTTP/1.1 201 "))
        #expect(try client.ask("GET", "/keys/a").body == value)
        _ = try client.ask("HEAD", "/keys/a")
        let stats = try http(client)
        let put = "PUT /keys/a HTTP/1.1\r\nHost: test\r\nContent-Length: 7\r\n\r\n[1,2,3]".utf8.count
        let get = "GET /keys/a HTTP/1.1\r\nHost: test\r\n\r\n".utf8.count
        let head = "HEAD /keys/a HTTP/1.1\r\nHost: test\r\n\r\n".utf8.count
        let ask = "GET /stats HTTP/1.1\r\nHost: test\r\n\r\n".utf8.count
        #expect(stats["bytes_in"] as? Int == put + get + head + ask)
        // What HEAD would have sent is not sent.
        #expect(stats["bytes_out"] as? Int == 7)
        #expect(stats["connections"] as? Int == 1)
        #expect(stats["requests"] as? Int == 3)

        let second = try LoopbackClient(port: server.port)
        try waitUntil("the second connection is open") { server.connectionCount == 2 }
        let metrics = String(decoding: try client.ask("GET", "/metrics").body, as: UTF8.self)
        #expect(metrics.contains("\ncache_http_connections 2\n"))
        #expect(try second.ask("DELETE", "/stats").head.hasPrefix("HTTP/1.1 204 "))
        let after = try http(second)
        #expect(after["bytes_in"] as? Int == ask)
        #expect(after["bytes_out"] as? Int == 0)
        #expect(after["connections"] as? Int == 2)
    }

    /// The library closes a connection without an answer when the response's head does not fit beside the request's.
    @Test func aHeadThatIsTooLargeHasNoEffect() throws {
        defer { server.stop() }
        for headers in ["X: \(String(repeating: "y", count: 8_000))\r\n", String(repeating: "X: y\r\n", count: 90)] {
            let (head, body) = try LoopbackClient(port: server.port).ask(
                "PUT", "/keys/a", body: Array("1".utf8), headers: headers)
            #expect(head.hasPrefix("HTTP/1.1 431 Request Header Fields Too Large\r\n"))
            #expect(head.contains("\r\nConnection: close\r\n"))
            #expect(String(decoding: body, as: UTF8.self).contains("\"code\":\"headers_too_large\""))
        }
        #expect(test.get("/keys/a").status == 404)
        #expect(test.cache.getStats().puts == 0)
    }

    @Test func theFiguresOutliveTheServer() throws {
        _ = try LoopbackClient(port: server.port).ask("GET", "/keys/a")
        server.stop()
        #expect(
            test.get("/stats").text.contains(
                "\"connections\":0,\"bytes_in\":\("GET /keys/a HTTP/1.1\r\nHost: test\r\n\r\n".utf8.count),"))
        let second = try HTTPServer(HTTPServerConfiguration(port: 0), handler: test.service)
        defer { second.stop() }
        _ = test.ask(.delete, "/stats")
        test.service.attach(server: second)
        _ = try LoopbackClient(port: second.port).ask("GET", "/livez")
        #expect(
            test.get("/stats").text.contains("\"bytes_in\":\("GET /livez HTTP/1.1\r\nHost: test\r\n\r\n".utf8.count),"))
    }

    @Test func aServiceWithoutAServerAnswersToo() throws {
        let port: Int
        let test = try TestService()
        do {
            let server = try HTTPServer(HTTPServerConfiguration(port: 0), handler: test.service)
            test.service.attach(server: server)
            port = server.port
            _ = try LoopbackClient(port: port).ask("GET", "/livez")
            server.stop()
        }
        #expect(test.get("/stats").text.contains("\"connections\":0,\"bytes_in\":0,\"bytes_out\":0,"))
        #expect(test.ask(.delete, "/stats").status == 204)
    }

    @Test func largeValuesPassUnchanged() throws {
        defer { server.stop() }
        let client = try LoopbackClient(port: server.port)
        var values: [String: String] = [:]
        for (number, count) in [1, 1000, 16_383, 16_384, 100_000, 2_000_000].enumerated() {
            let value = "\"\(String(repeating: "\(number)", count: count))\""
            values["k\(number)"] = value
            #expect(try client.ask("PUT", "/keys/k\(number)", body: Array(value.utf8)).head.hasPrefix("HTTP/1.1 201 "))
            #expect(try client.ask("GET", "/keys/k\(number)").body == Array(value.utf8))
        }
        let keys = values.keys.sorted()
        let list = "[\(keys.map { "\"\($0)\"" }.joined(separator: ","))]"
        let mget = try client.ask("POST", "/mget", body: Array(list.utf8))
        let expected = keys.map { "\"\($0)\":\(values[$0]!)" }.joined(separator: ",")
        #expect(mget.body == Array("{\"values\":{\(expected)},\"missing\":[]}\n".utf8))
        #expect(mget.head.contains("\r\nContent-Length: \(mget.body.count)\r\n"))

        let export = try client.ask("GET", "/export")
        let other = try TestService()
        #expect(other.ask(.post, "/warm", body: export.body).text.hasPrefix("{\"loaded\":6,"))
        for (key, value) in values { #expect(other.get("/keys/\(key)").text == value) }
    }

    @Test func refusalsLeaveTheConnectionInUse() throws {
        defer { server.stop() }
        let client = try LoopbackClient(port: server.port)
        for _ in 0..<3 {
            #expect(
                try client.ask("PUT", "/keys/%", body: [UInt8](repeating: 0x31, count: 60_000)).head.hasPrefix(
                    "HTTP/1.1 400 "))
            #expect(try client.ask("POST", "/keys/a", body: [0x31]).head.hasPrefix("HTTP/1.1 405 "))
            #expect(try client.ask("GET", "/nothing").head.hasPrefix("HTTP/1.1 404 "))
            #expect(try client.ask("GET", "/livez").head.hasPrefix("HTTP/1.1 200 "))
        }
        #expect(server.connectionCount == 1)
    }

    @Test func aKeyMayBeBytesAsTheyAre() throws {
        defer { server.stop() }
        let client = try LoopbackClient(port: server.port)
        #expect(try client.ask("PUT", "/keys/a%00b/é?ttl=5", body: [0x37]).head.hasPrefix("HTTP/1.1 201 "))
        #expect(try client.ask("GET", "/keys/a%00b%2F%C3%A9").body == [0x37])
        #expect(try client.ask("GET", "/keys/a%00c").head.hasPrefix("HTTP/1.1 404 "))
        #expect(try client.ask("GET", "/keys/%FF").head.hasPrefix("HTTP/1.1 400 "))
    }
}
