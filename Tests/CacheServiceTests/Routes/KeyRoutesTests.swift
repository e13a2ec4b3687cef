internal import CacheCore
internal import Foundation
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `/keys/{key}`.
struct KeyRoutesTests {
    private let test: TestService

    init() throws { test = try TestService() }

    /// Which is written in one go where that can be.
    @Test(arguments: [
        "a", "ä", "a b", "\"", "\\", "\u{1}", String(repeating: "x", count: 60), String(repeating: "x", count: 61),
        "💩/..",
    ])
    func aMissIsTheProblemOfItsKey(key: String) throws {
        let path = key.utf8.map { String(format: "%%%02x", $0) }.joined()
        let reply = test.get("/keys/\(path)")
        let problem = Array(key.utf8).withUnsafeBytes { Reply(CacheService.notFound($0).response) }
        #expect(reply.text == problem.text)
        #expect(reply.status == problem.status)
        #expect(reply.headerNames == problem.headerNames + ["Cache-Status"])
    }

    @Test func aValueIsPutReadReplacedAndDeleted() throws {
        let created = test.put("/keys/user:1", "{ \"name\" : \"Ada\" }")
        #expect(created.status == 201)
        #expect(created.headerNames == ["ETag"])
        #expect(created["ETag"] == "\"PtypkbJhmGg\"")
        #expect(created.body.isEmpty)

        let read = test.get("/keys/user:1")
        #expect(read.status == 200)
        #expect(read.text == "{\"name\":\"Ada\"}")
        #expect(read.headerNames == ["Content-Type", "ETag", "Age", "Cache-Status"])

        let replaced = test.put("/keys/user:1", "42")
        #expect(replaced.status == 204)
        #expect(replaced["ETag"] == "\"EhfLKMDvIZE\"")
        #expect(test.get("/keys/user:1").text == "42")

        let deleted = test.ask(.delete, "/keys/user:1")
        #expect(deleted.status == 204)
        #expect(deleted.headers.all.isEmpty)
        try expect(test.get("/keys/user:1"), is: ExpectedProblem(404, "key_not_found"))
        #expect(test.put("/keys/user:1", "42").status == 201)
    }

    @Test func aMissSaysSo() throws {
        for method in [MicroHTTP.Method.get, .head] {
            let reply = test.ask(method, "/keys/no%20one")
            #expect(reply["Cache-Status"] == "production-cache; fwd=uri-miss")
            #expect(reply["ETag"] == nil)
            try expect(
                reply, is: ExpectedProblem(404, "key_not_found", "there is no live entry with the key no one"))
        }
        let deleted = test.ask(.delete, "/keys/no%20one")
        #expect(deleted["Cache-Status"] == nil)
        try expect(deleted, is: ExpectedProblem(404, "key_not_found", "there is no live entry with the key no one"))
    }

    @Test func headersFollowTheClock() {
        test.put("/keys/a?ttl=10.5", "1")
        func headers() -> [String?] {
            let reply = test.get("/keys/a")
            return ["Age", "Cache-Control", "Cache-Status"].map { reply[$0] }
        }
        #expect(headers() == ["0", "max-age=10", "production-cache; hit; ttl=10"])
        test.clock.advance(by: .milliseconds(500))
        #expect(headers() == ["0", "max-age=10", "production-cache; hit; ttl=10"])
        test.clock.advance(by: .nanoseconds(1))
        #expect(headers() == ["0", "max-age=9", "production-cache; hit; ttl=9"])
        test.clock.advance(by: .nanoseconds(499_999_999))
        #expect(headers() == ["1", "max-age=9", "production-cache; hit; ttl=9"])
        test.clock.advance(by: .seconds(9))
        #expect(headers() == ["10", "max-age=0", "production-cache; hit; ttl=0"])
        test.clock.advance(by: .nanoseconds(499_999_999))
        #expect(test.get("/keys/a").status == 200)
        // Never at its expiry.
        test.clock.advance(by: .nanoseconds(1))
        #expect(test.get("/keys/a").status == 404)
    }

    @Test func withoutATimeToLiveNothingIsSaidOfOne() {
        test.put("/keys/a", "1")
        test.clock.advance(by: .seconds(250_000_000))
        let reply = test.get("/keys/a")
        #expect(reply["Cache-Control"] == nil)
        #expect(reply["Age"] == "250000000")
        #expect(reply["Cache-Status"] == "production-cache; hit")
    }

    @Test func aReplacementIsYoung() {
        test.put("/keys/a?ttl=100")
        test.clock.advance(by: .seconds(50))
        test.put("/keys/a?ttl=20", "2")
        let reply = test.get("/keys/a")
        #expect(reply["Age"] == "0")
        #expect(reply["Cache-Control"] == "max-age=20")
        // And a write without a time to live takes it away.
        test.put("/keys/a", "3")
        #expect(test.get("/keys/a")["Cache-Control"] == nil)
    }

    /// The tags are XXH3 of the bytes, from another implementation of it: no change may give the same bytes another one.
    @Test(arguments: [
        ("42", "EhfLKMDvIZE"), ("null", "t4W27EI8ROE"), ("{\"name\":\"Ada\"}", "PtypkbJhmGg"),
        ("\"\\u0061\"", "fCy_asH_cR8"),
        ("[" + Array(repeating: "1", count: 600).joined(separator: ",") + "]", "ZREIVE-hfm8"),
        ("\"" + String(repeating: "x", count: 238) + "\"", "2UyumfB_VdY"),
        ("\"" + String(repeating: "x", count: 239) + "\"", "J3Pch2tj1LY"),
        ("\"" + String(repeating: "x", count: 1022) + "\"", "C8BLXqrOwgY"),
        ("\"" + String(repeating: "x", count: 1023) + "\"", "7bfWelZp22o"),
    ])
    func tagsAreTheSameForEver(value: String, tag: String) {
        #expect(test.put("/keys/a", value)["ETag"] == "\"\(tag)\"")
        #expect(test.put("/keys/b", " \(value)\n")["ETag"] == "\"\(tag)\"")
        #expect(test.get("/keys/a")["ETag"] == "\"\(tag)\"")
        #expect(test.ask(.head, "/keys/b")["ETag"] == "\"\(tag)\"")
    }

    @Test func everyBitOfTheDigestIsInTheTag() {
        func tag(_ digest: UInt64) -> String {
            let bytes = [UInt8](capacity: 13) { $0.append(entityTag: digest) }
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(tag(0) == "\"AAAAAAAAAAA\"")
        #expect(tag(.max) == "\"__________8\"")
        #expect(Set((0..<64).map { tag(1 << $0) }).count == 64)
    }

    @Test(arguments: [
        "12345678901234567890", "-0", "1.0", "1e400", "1E+2", "\"\\u0061\\/\\n\"", "\"é漢🦊\"", "null", "true", "\"\"",
        "[]", "{}",
        "[1,2,[3,{\"a\":null}]]", "{\"a\":1,\"a\":2}", "\"\\ud800\"",
    ])
    func valuesComeBackDigitForDigit(value: String) {
        #expect(test.put("/keys/a", " \t\r\n\(value)\r\n ").status == 201)
        #expect(test.get("/keys/a").text == value)
    }

    @Test func onlyInsignificantWhiteSpaceGoes() {
        test.put("/keys/a", "{ \"a b\" :\t[ 1 ,\n2 ] , \"c\" : \" d \" }")
        #expect(test.get("/keys/a").text == "{\"a b\":[1,2],\"c\":\" d \"}")
    }

    @Test(
        arguments: [
            ("", "the body is empty; it must be a JSON text"),
            (" ", "the body is not JSON: unexpected end of the text: expected a value, at byte 1"),
            ("{\"a\": 1 \"b\": 2}", "the body is not JSON: expected ',' or '}' after a member, at byte 8"),
            ("[1,]", "the body is not JSON: expected a value, at byte 3"),
            ("nul", "the body is not JSON: unexpected end of the text: expected the literal null, at byte 3"),
            ("{'a':1}", nil), ("[1 2]", nil), ("1 2", nil), ("NaN", nil), ("Infinity", nil), ("01", nil), ("1.", nil),
            (".5", nil),
            ("+1", nil), ("0x1", nil), ("\"\n\"", nil), ("\"\\x\"", nil), ("\"a", nil), ("{\"a\"}", nil),
            ("{1:2}", nil), ("[", nil),
            ("]", nil), ("// c\n1", nil), ("\u{feff}1", nil), ("\0", nil), ("1\0", nil), ("undefined", nil),
        ] as [(String, String?)])
    func whatIsNotJSONIsRefused(body: String, detail: String?) throws {
        try expect(test.put("/keys/a", body), is: ExpectedProblem(400, "invalid_json", detail))
        #expect(test.get("/keys/a").status == 404)
    }

    @Test func bytesThatAreNotUTF8AreRefused() throws {
        for (bytes, offset) in [([0xFF], 1), ([0xC0, 0x80], 1), ([0xED, 0xA0, 0x80], 2), ([0xC3], 2)]
            as [([UInt8], Int)]
        {
            let body = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
            try expect(
                test.ask(.put, "/keys/a", body: body),
                is: ExpectedProblem(
                    400, "invalid_json", "the body is not JSON: expected valid UTF-8 in a string, at byte \(offset)"))
        }
    }

    @Test func nestingIsBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(test.put("/keys/a", nested(1024)).status == 201)
        #expect(test.get("/keys/a").text == nested(1024))
        for depth in [1025, 100_000] {
            try expect(
                test.put("/keys/b", nested(depth)),
                is: ExpectedProblem(
                    400, "invalid_json", "the body is not JSON: nested deeper than 1024 levels, at byte 1024"))
        }
    }

    @Test func aValueMayHaveSoManyBytes() throws {
        let test = try TestService(limits: ServiceLimits(maxValueBytes: 10))
        #expect(test.put("/keys/a", "1234567890").status == 201)
        try expect(
            test.put("/keys/b", "12345678901"),
            is: ExpectedProblem(413, "value_too_large", "the value has more than 10 bytes, which is the most"))
        #expect(test.get("/keys/b").status == 404)
    }

    @Test func anEntryLargerThanTheWholeCacheIsRefused() throws {
        let test = try TestService(memoryLimit: 1 << 20)
        #expect(test.put("/keys/a", "\"\(String(repeating: "x", count: 500_000))\"").status == 201)
        let reply = test.put("/keys/b", "\"\(String(repeating: "x", count: 1_200_000))\"")
        try expect(reply, is: ExpectedProblem(507, "insufficient_storage"))
        // Nothing of it took effect.
        #expect(test.get("/keys/a").status == 200)
        #expect(test.cache.getStats().evictions == 0)
    }

    @Test func headCountsAsGetDoes() {
        test.put("/keys/a")
        for method in [MicroHTTP.Method.get, .head] {
            _ = test.ask(method, "/keys/a")
            _ = test.ask(method, "/keys/b")
        }
        #expect(test.reads == (2, 2))
        #expect(test.service.statistics.latencies.summary(of: .get).count == 4)
    }

    @Test func whatIsRefusedCountsNoRead() {
        _ = test.get("/keys/")
        _ = test.get("/keys/%")
        _ = test.ask(.delete, "/keys/a")
        _ = test.put("/keys/a", "x")
        #expect(test.reads == (0, 0))
    }
}
