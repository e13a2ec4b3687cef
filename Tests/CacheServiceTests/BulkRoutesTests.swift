import CacheCore
import MicroHTTP
import Testing

@testable import CacheService

struct BulkRoutesTests {
    private func filled() throws -> ServiceFixture {
        let fixture = try ServiceFixture()
        #expect(fixture.post("/mput", "{\"items\":{\"a\":1,\"b\":[true],\"q\\\"\":null}}").body == "{\"stored\":3}\n")
        return fixture
    }

    @Test(arguments: ["{\"keys\":[\"b\",\"x\",\"a\",\"b\",\"y\"]}", "[\"b\",\"x\",\"a\",\"b\",\"y\"]"])
    func mgetAnswersInTheOrderOfTheRequest(body: String) throws {
        let fixture = try filled()
        let reply = fixture.post("/mget", body)
        #expect(reply.status == 200)
        #expect(reply.body == "{\"values\":{\"b\":[true],\"a\":1},\"missing\":[\"x\",\"y\"]}\n")
        let stats = fixture.cache.getStats()
        #expect([stats.hits, stats.misses] == [2, 2])
    }

    @Test func mgetEdges() throws {
        let fixture = try filled()
        #expect(fixture.post("/mget", "[]").body == "{\"values\":{},\"missing\":[]}\n")
        #expect(fixture.post("/mget", "[\"q\\u0022\"]").body == "{\"values\":{\"q\\\"\":null},\"missing\":[]}\n")
        #expect(fixture.post("/mget", "[\"x\"]").body == "{\"values\":{},\"missing\":[\"x\"]}\n")
    }

    @Test func aLargeAnswerIsTheSameInPieces() throws {
        let fixture = try ServiceFixture()
        let value = "\"" + String(repeating: "x", count: 300_000) + "\""
        for key in ["a", "b", "c", "d", "e"] { _ = fixture.put("/keys/\(key)", value) }
        let reply = fixture.post("/mget", "[\"a\",\"none\",\"b\",\"c\",\"d\",\"e\",\"nor\"]")
        let members = ["a", "b", "c", "d", "e"].map { "\"\($0)\":\(value)" }.joined(separator: ",")
        #expect(reply.body == "{\"values\":{\(members)},\"missing\":[\"none\",\"nor\"]}\n")
    }

    @Test(arguments: ["{}", "1", "\"a\"", "{\"keys\":1}", "{\"keys\":[],\"more\":1}", "[1]", "[null]", "[[\"a\"]]"])
    func notAListOfKeys(body: String) throws {
        let fixture = try filled()
        #expect(fixture.post("/mget", body).problem == "400 invalid_body")
        #expect(fixture.post("/mdelete", body).problem == "400 invalid_body")
    }

    @Test func aBadKeyIsNamed() throws {
        let fixture = try filled()
        let reply = fixture.post("/mdelete", "[\"a\",\"\",\"\\ud800\"]")
        #expect(reply.problem == "400 invalid_key")
        #expect(reply.body.contains("\"errors\":[{\"key\":\"\",\"code\":\"invalid_key\",\"detail\":\"item 1:"))
        #expect(fixture.get("/keys/a").status == 200)
    }

    @Test func mputTakesItemsWithTheirOwnTimes() throws {
        let fixture = try ServiceFixture(defaultTTL: .seconds(500))
        let body = """
            {"ttl":300,"items":[{"key":"a","value":{"x": 1},"ttl":5},{"key":"b","value":2},{"value":3,"key":"c","ttl":null}]}
            """
        #expect(fixture.post("/mput", body).body == "{\"stored\":3}\n")
        func left(_ key: String) -> String? {
            fixture.get("/keys/\(key)").headers.first { $0.hasPrefix("Cache-Control") }
        }
        #expect(left("a") == "Cache-Control: max-age=5")
        #expect(left("b") == "Cache-Control: max-age=300")
        #expect(left("c") == "Cache-Control: max-age=300")
        #expect(fixture.get("/keys/a").body == "{\"x\":1}")
        _ = fixture.post("/mput", "{\"items\":{\"d\":1}}")
        #expect(left("d") == "Cache-Control: max-age=500")
    }

    @Test(arguments: [
        ("{\"items\":[{\"key\":\"a\",\"value\":1},{\"key\":\"\",\"value\":1}]}", "400 invalid_key"),
        ("{\"items\":[{\"key\":\"a\",\"value\":1},{\"key\":\"b\"}]}", "400 invalid_body"),
        ("{\"items\":[{\"key\":\"a\",\"value\":1},{\"key\":\"b\",\"value\":1,\"ttl\":0}]}", "400 invalid_ttl"),
        ("{\"items\":[{\"key\":\"a\",\"value\":1},{\"key\":\"b\",\"value\":1,\"tll\":1}]}", "400 invalid_body"),
        ("{\"items\":{\"a\":1,\"b\":\"too long a value\"}}", "413 value_too_large"),
        ("{\"items\":{\"a\":1,\"a key that is too long\":1}}", "414 key_too_long"),
        ("{\"items\":{\"a\":1},\"ttl\":-1}", "400 invalid_ttl"),
        ("{\"items\":{\"a\":1},\"tll\":1}", "400 invalid_body"),
        ("{\"items\":[1,2,3,4,5]}", "413 too_many_items"),
        ("{\"items\":7}", "400 invalid_body"), ("[]", "400 invalid_body"), ("{}", "400 invalid_body"),
        ("{\"items\":{\"a\":1}", "400 invalid_json"),
    ])
    func oneBadItemAndNothingIsStored(body: String, problem: String) throws {
        let fixture = try ServiceFixture(limits: ServiceLimits(maxKeyBytes: 10, maxValueBytes: 10, maxBulkItems: 4))
        #expect(fixture.post("/mput", body).problem == problem)
        #expect(fixture.cache.getStats().puts == 0)
        #expect(fixture.cache.getStats().memoryBytes == (try ServiceFixture().cache.getStats().memoryBytes))
    }

    @Test func theLastOfEqualKeysStays() throws {
        let fixture = try ServiceFixture()
        #expect(fixture.post("/mput", "{\"items\":{\"a\":1,\"a\":2}}").body == "{\"stored\":2}\n")
        #expect(fixture.get("/keys/a").body == "2")
    }

    @Test func mdeleteCountsWhatWasThere() throws {
        let fixture = try filled()
        #expect(fixture.post("/mdelete", "[\"a\",\"a\",\"x\",\"b\"]").body == "{\"deleted\":2}\n")
        #expect(fixture.cache.getStats().currentSize == 1)
    }

    @Test func aBodyOverItsLimit() throws {
        let fixture = try ServiceFixture(limits: ServiceLimits(maxBodyBytes: 20))
        #expect(fixture.post("/mget", "[\"123456789\",\"123456789\"]").problem == "413 body_too_large")
    }
}
