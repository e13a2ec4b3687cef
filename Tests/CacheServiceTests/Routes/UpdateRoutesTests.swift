internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `PATCH /keys/{key}`, `/incr`, `/touch`, `QUERY /mget`.
struct UpdateRoutesTests {
    private let test: TestService

    init() throws { test = try TestService(defaultTTL: .seconds(100), limits: ServiceLimits(maxValueBytes: 100_000)) }

    private func timeLeft(_ key: String) -> String? { test.get("/keys/\(key)")["Cache-Control"] }

    // MARK: PATCH

    @Test func aPatchAnswersTheNewValue() throws {
        test.put("/keys/a/b?ttl=50", "{\"x\": 1.0, \"y\": 2}")
        test.clock.advance(by: .seconds(10))
        let reply = test.ask(.patch, "/keys/a%2Fb", body: "{\"y\": null, \"z\": [1, 2]}")
        #expect(reply.status == 200)
        #expect(reply.headerNames == ["Content-Type", "ETag"])
        #expect(reply.text == "{\"x\":1.0,\"z\":[1,2]}")
        #expect(reply["ETag"] == test.get("/keys/a/b")["ETag"])
        #expect(timeLeft("a/b") == "max-age=40")
        // Of Cache-Control it keeps away: a patch sets no time to live unless it is asked to in so many words.
        _ = test.ask(.patch, "/keys/a/b", headers: [("Cache-Control", "max-age=7")], body: "{}")
        #expect(timeLeft("a/b") == "max-age=40")
        _ = test.ask(.patch, "/keys/a/b?ttl=5", body: "{}")
        #expect(timeLeft("a/b") == "max-age=5")
        #expect(test.reads == (hits: 4, misses: 0))
    }

    @Test func aPatchThatCannotBeIsRefused() throws {
        func patch(_ target: String, _ body: String, type: String? = nil) -> Reply {
            test.ask(.patch, target, headers: type.map { [("Content-Type", $0)] } ?? [], body: body)
        }
        test.put("/keys/a", "{}")
        try expect(patch("/keys/no", "{}"), is: ExpectedProblem(404, "key_not_found"))
        try expect(patch("/keys/a", "{"), is: ExpectedProblem(400, "invalid_json"))
        try expect(patch("/keys/a", ""), is: ExpectedProblem(400, "invalid_json"))
        try expect(patch("/keys/a?ttl=0", "{}"), is: ExpectedProblem(400, "invalid_ttl"))
        try expect(patch("/keys/%", "{}"), is: ExpectedProblem(400, "invalid_key"))
        let half = "\"\(String(repeating: "x", count: 60_000))\""
        #expect(patch("/keys/a", "{\"a\":\(half)}").status == 200)
        try expect(patch("/keys/a", "{\"b\":\(half)}"), is: ExpectedProblem(413, "value_too_large"))
        let foreign = patch("/keys/a", "[]", type: "application/json-patch+json")
        #expect(foreign["Accept-Patch"] == "application/merge-patch+json")
        try expect(foreign, is: ExpectedProblem(415, "unsupported_media_type"))
        #expect(patch("/keys/a", "[]", type: "application/merge-patch+json; charset=utf-8").text == "[]")
        #expect(test.ask(.options, "/keys/a")["Accept-Patch"] == "application/merge-patch+json")
    }

    // MARK: /incr

    @Test func anIncrementAnswersTheSum() {
        #expect(test.post("/incr", "{\"key\":\"n\"}").text == "{\"key\":\"n\",\"value\":1}")
        #expect(
            test.post("/incr", "{\"ttl\":5,\"initial\":9,\"by\":-3,\"key\":\"n\"}").text
                == "{\"key\":\"n\",\"value\":-2}")
        #expect(timeLeft("n") == "max-age=5")
        #expect(
            test.post("/incr", "{\"key\":\"\\u0041\\n\\\"\",\"by\":0,\"initial\":-9223372036854775808,\"ttl\":null}")
                .text
                == "{\"key\":\"A\\n\\\"\",\"value\":-9223372036854775808}")
        #expect(timeLeft("A%0A%22") == "max-age=100")
    }

    @Test(arguments: [
        ("", 400, "invalid_json"), ("[]", 400, "invalid_body"), ("{}", 400, "invalid_body"),
        ("{\"key\":\"\"}", 400, "invalid_key"), ("{\"key\":1}", 400, "invalid_body"),
        ("{\"key\":\"n\",\"by\":1.5}", 400, "invalid_body"), ("{\"key\":\"n\",\"by\":\"1\"}", 400, "invalid_body"),
        ("{\"key\":\"n\",\"by\":9223372036854775808}", 400, "invalid_body"),
        ("{\"key\":\"n\",\"initial\":null}", 400, "invalid_body"), ("{\"key\":\"n\",\"ttl\":0}", 400, "invalid_ttl"),
        ("{\"key\":\"n\",\"key\":\"m\"}", 400, "invalid_body"), ("{\"key\":\"n\",\"step\":1}", 400, "invalid_body"),
        ("{\"key\":\"text\"}", 409, "not_a_number"), ("{\"key\":\"most\"}", 409, "overflow"),
    ])
    func anIncrementThatCannotBeIsRefused(body: String, status: Int, code: String) throws {
        test.put("/keys/text", "\"1\"")
        test.put("/keys/most", "9223372036854775807")
        try expect(test.post("/incr", body), is: ExpectedProblem(status, code))
        #expect(test.cache.getStats().puts == 2)
    }

    // MARK: /touch

    @Test func aTouchSetsTheTimesToLive() {
        test.put("/keys/a?ttl=10")
        test.put("/keys/b")
        #expect(test.post("/touch", "{\"keys\":[\"a\",\"b\",\"no\"],\"ttl\":60}").text == "{\"touched\":2}\n")
        #expect(timeLeft("a") == "max-age=60")
        #expect(test.post("/touch", "{\"ttl\":null,\"keys\":[\"a\"]}").text == "{\"touched\":1}\n")
        #expect(timeLeft("a") == nil)
        #expect(test.reads == (hits: 2, misses: 0))
    }

    @Test(arguments: [
        ("[\"a\"]", "invalid_body"), ("{\"keys\":[\"a\"]}", "invalid_body"), ("{\"ttl\":1}", "invalid_body"),
        ("{\"keys\":\"a\",\"ttl\":1}", "invalid_body"), ("{\"keys\":[\"a\",\"\"],\"ttl\":1}", "invalid_key"),
        ("{\"keys\":[\"a\"],\"ttl\":-1}", "invalid_ttl"), ("{\"keys\":[1],\"ttl\":1}", "invalid_body"),
        ("{\"keys\":[],\"ttl\":1,\"all\":true}", "invalid_body"), ("{\"keys\":[],\"ttl\":1,\"ttl\":2}", "invalid_body"),
    ])
    func aTouchThatCannotBeIsRefused(body: String, code: String) throws {
        test.put("/keys/a?ttl=10")
        try expect(test.post("/touch", body), is: ExpectedProblem(400, code))
        #expect(timeLeft("a") == "max-age=10")
    }

    // MARK: QUERY

    @Test func aQueryIsAnMget() {
        test.put("/keys/a", "1")
        let body = "[\"a\",\"b\"]"
        #expect(test.ask(.query, "/mget", body: body).text == test.post("/mget", body).text)
        #expect(test.reads == (hits: 2, misses: 2))
    }
}
