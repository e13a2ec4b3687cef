internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// Keys in paths.
struct KeyDecodingTests {
    private let test: TestService

    init() throws { test = try TestService() }

    @Test(arguments: [
        ("a", "a"), ("a%2Fb", "a/b"), ("a/b", "a/b"), ("a%2fb", "a/b"), ("%61", "a"), ("%2561", "%61"), ("a+b", "a+b"),
        ("a%20b", "a b"), ("a%00b", "a\0b"), ("%00", "\0"), ("caf%C3%A9", "café"), ("café", "café"),
        ("%F0%9F%A6%8A", "🦊"),
        ("..", ".."), ("%2E%2e", ".."), ("/", "/"), ("//", "//"), ("a%3Fb", "a?b"), ("a#b", "a#b"), ("%25", "%"),
        ("%0d%0a", "\r\n"),
        ("~!$&'()*,;=:@", "~!$&'()*,;=:@"), ("{key}", "{key}"), ("%EF%BF%BE", "\u{fffe}"),
    ])
    func areDecodedOnce(path: String, key: String) {
        #expect(test.put("/keys/\(path)", "7").status == 201)
        #expect(test.cache.getJSON(key) == Array("7".utf8))
        #expect(test.get("/keys/\(path)").text == "7")
        #expect(test.ask(.delete, "/keys/\(path)").status == 204)
        #expect(test.cache.getStats().currentSize == 0)
    }

    @Test func twoWaysToWriteAKeyAreTheSameKey() {
        test.put("/keys/a%2Fb", "1")
        #expect(test.put("/keys/a/b", "2").status == 204)
        #expect(test.get("/keys/%61%2fb").text == "2")
        #expect(test.get("http://proxy.example/keys/a/b").text == "2")
    }

    @Test(arguments: [
        ("%", 0), ("%4", 0), ("%4x", 0), ("%zz", 0), ("a%", 1), ("100%", 3), ("%41%4", 3), ("%2F%g0", 3), ("é%", 2),
        ("%%41", 0),
    ])
    func aBrokenEscapeIsRefused(path: String, offset: Int) throws {
        let problem = ExpectedProblem(
            400, "invalid_key",
            "the key has a broken escape at byte \(offset); a % must be followed by two hexadecimal digits")
        for method in [MicroHTTP.Method.get, .head, .delete, .put] {
            try expect(test.ask(method, "/keys/\(path)", body: method == .put ? "1" : ""), is: problem)
        }
        // Before a large body is read, too.
        try expect(test.put("/keys/\(path)", String(repeating: "1", count: 100_000)), is: problem)
        #expect(test.cache.getStats().puts == 0)
    }

    @Test(arguments: ["%FF", "a%80", "%C0%80", "%ED%A0%80", "%F4%90%80%80", "%C3", "%E2%82", "%c3%28"])
    func whatIsNotUTF8IsRefused(path: String) throws {
        let problem = ExpectedProblem(400, "invalid_key", "the key is not valid UTF-8 after percent-decoding")
        try expect(test.get("/keys/\(path)"), is: problem)
        try expect(test.put("/keys/\(path)"), is: problem)
        try expect(test.ask(.delete, "/keys/\(path)"), is: problem)
    }

    @Test func anEmptyKeyIsRefused() throws {
        let problem = ExpectedProblem(400, "invalid_key", "the key is empty; it must have 1 to 512 bytes")
        test.put("/keys/a")
        for method in [MicroHTTP.Method.get, .head, .delete, .put] {
            try expect(test.ask(method, "/keys/", body: method == .put ? "1" : ""), is: problem)
            try expect(test.ask(method, "/keys/?a=b", body: method == .put ? "1" : ""), is: problem)
        }
        // Above all, it isn't a way to clear all.
        #expect(test.get("/keys/a").status == 200)
    }

    @Test(arguments: ["k", "é", "🦊", "%6B", "%C3%A9", "\u{301}"])
    func lengthsAreBytesOfTheKey(unit: String) throws {
        let bytes = unit.hasPrefix("%") ? unit.utf8.count / 3 : unit.utf8.count
        let longest = String(repeating: unit, count: 512 / bytes)
        #expect(test.put("/keys/\(longest)").status == 201)
        #expect(test.get("/keys/\(longest)").status == 200)
        for method in [MicroHTTP.Method.get, .head, .delete, .put] {
            try expect(
                test.ask(method, "/keys/\(longest)k", body: method == .put ? "1" : ""),
                is: ExpectedProblem(414, "key_too_long", "the key has 513 bytes; it may have at most 512"))
        }
    }

    @Test func theLongestKeyIsAMatterOfConfiguration() throws {
        let test = try TestService(limits: ServiceLimits(maxKeyBytes: 3))
        #expect(test.put("/keys/abc").status == 201)
        try expect(
            test.put("/keys/abcd"),
            is: ExpectedProblem(414, "key_too_long", "the key has 4 bytes; it may have at most 3"))
        try expect(
            test.get("/keys/"), is: ExpectedProblem(400, "invalid_key", "the key is empty; it must have 1 to 3 bytes"))
        #expect(test.post("/mput", "{\"items\":{\"abcd\":1}}").status == 414)
        #expect(test.post("/mget", "[\"abcd\"]").status == 414)
        #expect(test.post("/warm", "{\"key\":\"abcd\",\"value\":1}").text.contains("key_too_long"))
    }
}
