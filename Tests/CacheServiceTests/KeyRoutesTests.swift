import CacheCore
import MicroHTTP
import Testing

@testable import CacheService

struct KeyRoutesTests {
    @Test func aValueComesBackWithWhatACacheSays() throws {
        let fixture = try ServiceFixture()
        #expect(fixture.put("/keys/a?ttl=60", "{\"n\": 1}").status == 201)
        fixture.clock.advance(by: .milliseconds(12_300))
        let reply = fixture.get("/keys/a")
        #expect(reply.status == 200)
        #expect(reply.body == "{\"n\":1}")
        #expect(
            reply.headers == [
                "Content-Type: application/json", "ETag: \"tXSrEE1sOwc\"", "Cache-Control: max-age=47", "Age: 12",
                "Cache-Status: production-cache; hit; ttl=47",
            ])
    }

    @Test func aValueWithoutExpirySaysNothingOfOne() throws {
        let fixture = try ServiceFixture()
        _ = fixture.put("/keys/a", "1")
        let headers = fixture.get("/keys/a").headers
        #expect(!headers.contains { $0.hasPrefix("Cache-Control") })
        #expect(headers.contains("Cache-Status: production-cache; hit"))
    }

    @Test func theEntityTagFollowsTheBytes() throws {
        let fixture = try ServiceFixture()
        let first = fixture.put("/keys/a", "[1, 2]")
        let same = fixture.put("/keys/b", " [1,2] ")
        let other = fixture.put("/keys/a", "[1,3]")
        #expect(first.headers == same.headers)
        #expect(first.headers != other.headers)
        #expect([first.status, same.status, other.status] == [201, 201, 204])
        // Above the threshold the digest is kept with the value: it must be the same digest.
        let large = "[\"" + String(repeating: "x", count: 5000) + "\"]"
        let put = fixture.put("/keys/large", large).headers
        #expect(fixture.get("/keys/large").headers.contains(put[0]))
    }

    @Test(arguments: [
        "12345678901234567890", "1.0", "1e400", "\"\\u0061\"", "\"\\ud800\"", "null", "[]", "-0", "\"\u{7F}é😀\"",
    ])
    func whatWasWrittenComesBackToTheByte(value: String) throws {
        let fixture = try ServiceFixture()
        #expect(fixture.put("/keys/a", " \n\(value)\t").status == 201)
        #expect(fixture.get("/keys/a").body == value)
    }

    @Test func aMissSaysWhatItIs() throws {
        let reply = try ServiceFixture().get("/keys/none")
        #expect(reply.problem == "404 key_not_found")
        #expect(reply.headers.contains("Cache-Status: production-cache; fwd=uri-miss"))
        #expect(
            reply.body == """
                {"type":"about:blank","title":"Not Found","status":404,\
                "detail":"there is no live entry with the key none","code":"key_not_found"}

                """)
    }

    @Test func expiredIsGone() throws {
        let fixture = try ServiceFixture()
        _ = fixture.put("/keys/a?ttl=0.5", "1")
        fixture.clock.advance(by: .milliseconds(499))
        #expect(fixture.get("/keys/a").status == 200)
        fixture.clock.advance(by: .milliseconds(1))
        #expect(fixture.get("/keys/a").status == 404)
        #expect(fixture.cache.getStats().expirations == 1)
        #expect(fixture.put("/keys/a", "2").status == 201)
    }

    @Test func deleteTakesWhatIsThere() throws {
        let fixture = try ServiceFixture()
        _ = fixture.put("/keys/a", "1")
        #expect(fixture.send(.delete, "/keys/a").status == 204)
        #expect(fixture.send(.delete, "/keys/a").problem == "404 key_not_found")
    }

    @Test func headCountsAsGet() throws {
        let fixture = try ServiceFixture()
        _ = fixture.put("/keys/a", "1")
        #expect(fixture.send(.head, "/keys/a").status == 200)
        #expect(fixture.send(.head, "/keys/b").status == 404)
        let stats = fixture.cache.getStats()
        #expect([stats.hits, stats.misses] == [1, 1])
    }

    // MARK: Keys

    @Test(arguments: [
        ("/keys/a%2Fb", "/keys/a/b"), ("/keys/%61", "/keys/a"), ("/keys/%C3%A9", "/keys/%c3%a9"),
        ("/keys//", "/keys/%2F"), ("/keys/a+b", "/keys/a%2Bb"), ("http://host:80/keys/x", "/keys/x"),
    ])
    func twoSpellingsOfOneKey(first: String, second: String) throws {
        let fixture = try ServiceFixture()
        #expect(fixture.put(first, "1").status == 201)
        #expect(fixture.get(second).status == 200)
        #expect(fixture.cache.getStats().currentSize == 1)
    }

    @Test func aKeyIsDecodedOnceAndKeepsANul() throws {
        let fixture = try ServiceFixture()
        _ = fixture.put("/keys/a%2500", "1")
        _ = fixture.put("/keys/a%00b", "2")
        #expect(fixture.cache.getJSON("a%00") == Array("1".utf8))
        #expect(fixture.cache.getJSON("a\0b") == Array("2".utf8))
        #expect(fixture.get("/keys/a").status == 404)
    }

    @Test(arguments: ["/keys/", "/keys/%", "/keys/%4", "/keys/%zz", "/keys/a%ff", "/keys/%ed%a0%80", "/keys/%c0%80"])
    func notAKey(target: String) throws {
        let fixture = try ServiceFixture()
        for method in [Method.get, .put, .delete] {
            #expect(fixture.send(method, target, method == .put ? "1" : "").problem == "400 invalid_key")
        }
    }

    @Test func aKeysLengthIsCountedInBytes() throws {
        let fixture = try ServiceFixture()
        let longest = String(repeating: "%C3%A9", count: 256)
        #expect(fixture.put("/keys/" + longest, "1").status == 201)
        #expect(fixture.put("/keys/" + longest + "a", "1").problem == "414 key_too_long")
        #expect(fixture.get("/keys/" + longest + "a").problem == "414 key_too_long")
    }

    // MARK: Time to live

    @Test(arguments: [
        "0", "-1", "nan", "inf", "315360000.5", "1e9", "", "5s", "%205", "0x5", ".5", "5.", "1e", "+5", "1,5", "true",
    ])
    func notATimeToLive(ttl: String) throws {
        let fixture = try ServiceFixture()
        #expect(fixture.put("/keys/a?ttl=\(ttl)", "1").problem == "400 invalid_ttl")
        #expect(fixture.get("/keys/a").status == 404)
    }

    @Test(arguments: ["0.001", "315360000", "1e2", "60", "00060", "1E-3", "5e-324"])
    func aTimeToLive(ttl: String) throws {
        #expect(try ServiceFixture().put("/keys/a?ttl=\(ttl)", "1").status == 201)
    }

    @Test func theQueryGoesBeforeTheHeaderAndThatBeforeTheDefault() throws {
        let fixture = try ServiceFixture(defaultTTL: .seconds(100))
        let header = [("Cache-Control", "no-transform, Max-Age=50")]
        func left(_ target: String, _ headers: [(String, String)]) -> String? {
            _ = fixture.send(.put, target, headers: headers, "1")
            return fixture.get("/keys/a").headers.first { $0.hasPrefix("Cache-Control") }
        }
        #expect(left("/keys/a?ttl=10", header) == "Cache-Control: max-age=10")
        #expect(left("/keys/a", header) == "Cache-Control: max-age=50")
        #expect(left("/keys/a", []) == "Cache-Control: max-age=100")
        #expect(
            fixture.send(.put, "/keys/a", headers: [("Cache-Control", "max-age=0")], "1").problem == "400 invalid_ttl")
    }

    // MARK: Bodies

    @Test func notJSON() throws {
        let fixture = try ServiceFixture()
        let reply = fixture.put("/keys/a", "{\"a\":tru}")
        #expect(reply.problem == "400 invalid_json")
        #expect(reply.body.contains("at byte 8"))
        #expect(fixture.put("/keys/a", "").problem == "400 invalid_json")
        #expect(fixture.put("/keys/a", "1 2").problem == "400 invalid_json")
        #expect(fixture.get("/keys/a").status == 404)
    }

    @Test func aValueOverItsLimit() throws {
        let fixture = try ServiceFixture(limits: ServiceLimits(maxValueBytes: 10))
        #expect(fixture.put("/keys/a", "\"12345678\"").status == 201)
        #expect(fixture.put("/keys/a", "\"123456789\"").problem == "413 value_too_large")
        #expect(fixture.get("/keys/a").body == "\"12345678\"")
    }

    @Test func anEntryLargerThanTheCache() throws {
        let fixture = try ServiceFixture(memoryLimit: 64 << 10)
        let reply = fixture.put("/keys/a", "\"" + String(repeating: "x", count: 70 << 10) + "\"")
        #expect(reply.problem == "507 insufficient_storage")
    }

    @Test(arguments: ["image/png", "multipart/form-data; boundary=x", "application/xml", "text/html", "a/b+xml"])
    func aBodyThatSaysItIsSomethingElse(type: String) throws {
        let fixture = try ServiceFixture()
        #expect(
            fixture.send(.put, "/keys/a", headers: [("Content-Type", type)], "1").problem
                == "415 unsupported_media_type")
    }

    @Test(arguments: ["application/x-www-form-urlencoded", "application/json; charset=utf-8", "text/plain", "nonsense"])
    func aBodyThatMayBeJSON(type: String) throws {
        let fixture = try ServiceFixture()
        #expect(fixture.send(.put, "/keys/a", headers: [("Content-Type", type)], "1").status == 201)
    }
}
