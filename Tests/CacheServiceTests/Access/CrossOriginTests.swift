internal import MicroHTTP
internal import Testing

@testable internal import CacheService

struct CrossOriginTests {
    private func service(_ origins: String) throws -> TestService {
        try TestService(crossOrigin: try #require(CrossOrigin(origins)))
    }

    private func names(_ reply: Reply) -> [String] {
        reply.headerNames.filter { $0 == "Vary" || $0.hasPrefix("Access-Control") }
    }

    @Test func aPageOfANamedOriginMayAsk() throws {
        let test = try service("https://a.example, http://b:3000")
        test.put("/keys/a")
        for (target, status) in [("/keys/a", 200), ("/keys/no", 404), ("/nowhere", 404), ("/keys/%", 400)] {
            let reply = test.ask(.get, target, headers: [("Origin", "http://b:3000")])
            #expect(reply.status == status)
            #expect(reply["Access-Control-Allow-Origin"] == "http://b:3000")
            #expect(reply["Access-Control-Expose-Headers"] == "ETag, Age, Cache-Status, Retry-After, Lease")
            #expect(reply["Vary"] == "Origin")
        }
        for origin in ["https://A.example", "http://b", "http://b:3000/", "null", ""] {
            #expect(names(test.ask(.get, "/keys/a", headers: [("Origin", origin)])) == ["Vary"])
        }
        #expect(names(test.get("/keys/a")) == ["Vary"])
        let warmed = test.ask(.post, "/warm", headers: [("Origin", "http://b:3000")], body: "{}")
        #expect(warmed["Access-Control-Allow-Origin"] == "http://b:3000")
        let refused = test.ask(
            .post, "/nowhere", headers: [("Origin", "http://b:3000")], body: String(repeating: "x", count: 100_000))
        #expect(refused["Access-Control-Allow-Origin"] == "http://b:3000")
    }

    @Test func aPreflightIsAnswered() throws {
        let test = try service("*")
        let reply = test.ask(
            .options, "/keys/a", headers: [("Origin", "https://x"), ("Access-Control-Request-Method", "PUT")])
        #expect(reply.status == 204)
        #expect(reply["Access-Control-Allow-Origin"] == "*")
        #expect(reply["Access-Control-Allow-Methods"] == "GET, HEAD, PUT, PATCH, DELETE")
        #expect(
            reply["Access-Control-Allow-Headers"]
                == "Authorization, Content-Type, Cache-Control, If-Match, If-None-Match, Cache-Groups, Lease")
        #expect(reply["Access-Control-Max-Age"] == "600")
        #expect(reply["Vary"] == nil, "the answer is the same for all")
    }

    @Test func itIsOffUnlessItIsAskedFor() throws {
        let test = try TestService()
        #expect(names(test.ask(.get, "/keys/a", headers: [("Origin", "https://x")])) == [])
    }

    @Test(arguments: [
        "", ",", "app.example", "https://", "https:/a", "https://a/", "https://a b", "null", "*,https://a", "HTTPS://a",
        "https://\(String(repeating: "a", count: 93))",
    ])
    func otherTextsAreNoOrigins(text: String) { #expect(CrossOrigin(text) == nil) }

    /// With the longest origin, no response has more bytes of fields than there is room for.
    @Test func theLongestOriginFits() throws {
        let origin = "https://\(String(repeating: "a", count: 92))"
        let test = try service(origin)
        let reply = test.ask(
            .options, "/keys/a", headers: [("Origin", origin), ("Access-Control-Request-Method", "PUT")])
        let count = reply.headers.all.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        #expect(count <= 576)
    }
}
