internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// What changes when the server is about to stop.
struct DrainingTests {
    private let test: TestService

    init() throws { test = try TestService() }

    @Test func readinessIsDenied() throws {
        #expect(test.get("/readyz").status == 200)
        test.service.beginDraining()
        for method in [MicroHTTP.Method.get, .head] {
            let reply = test.ask(method, "/readyz")
            try expect(reply, is: ExpectedProblem(503, "draining", "the server is stopping; ask another one"))
            #expect(reply["Retry-After"] == "1")
        }
        for path in ["/livez", "/healthz"] { #expect(test.get(path).status == 200) }
        test.service.beginDraining()
        #expect(test.get("/readyz").status == 503)
    }

    @Test func connectionsAreToEndAndRequestsAreServed() throws {
        test.put("/keys/a", "1")
        func replies() -> [Reply] {
            [
                test.get("/keys/a"), test.get("/keys/b"), test.get("/keys/%"), test.put("/keys/c"), test.get("/stats"),
                test.ask(.options, "/keys"), test.ask(.patch, "/keys"), test.get("/nothing"),
                test.post("/mget", "[\"a\"]"),
                test.post("/warm", "{}"), test.get("/export"), test.get("/livez"), test.get("/readyz"),
                test.put("/keys/a?ttl=0", String(repeating: "1", count: 100_000)), test.get("/metrics"),
                Reply(test.service.refuse(malformed: "m")),
            ]
        }
        for reply in replies() { #expect(!reply.closesConnection) }
        test.service.beginDraining()
        let drained = replies()
        for reply in drained { #expect(reply.closesConnection) }
        #expect(drained[0].text == "1")
        #expect(drained[3].status == 204)
    }
}
