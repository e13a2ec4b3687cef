import Testing

@testable import CacheCore

@Suite struct ProductionCacheJSONTests {
    private let cache: ProductionCache

    init() throws {
        cache = try ProductionCache(CacheConfiguration(memoryLimit: 1 << 20, clock: .manual(ManualClock())))
    }

    @Test(arguments: [
        "null", "true", "false", "0", "-0", "1.0", "1e400", "12345678901234567890123", "\"\"", "\"\\u0061\\ud800\"",
        "[]", "{}",
        "[[[[]]]]", "{\"a\":{\"b\":[1,2,{\"c\":null}]}}", "\"a b\\n\\t \"",
    ])
    func keepsTheTextAsItIs(text: String) throws {
        try cache.putJSON("key", text.utf8)
        #expect(cache.getJSON("key").map { String(decoding: $0, as: UTF8.self) } == text)
        let count = cache.withJSON("key") { $0.byteCount }
        #expect(count == text.utf8.count)
    }

    @Test func dropsInsignificantWhiteSpaceAlone() throws {
        try cache.putJSON("key", " { \"a b\" : [ 1 ,\r\n\t2 ] }\n".utf8)
        #expect(cache.getJSON("key") == Array("{\"a b\":[1,2]}".utf8))
    }

    @Test(arguments: ["", " ", "{", "[1,]", "nul", "1 2", "\"\u{1}\"", "{\"a\"}", "01", "\u{FEFF}1", "'a'"])
    func refusesWhatIsNotJSON(text: String) throws {
        try cache.putJSON("key", "1".utf8)
        let error = #expect(throws: CacheError.self) { try cache.putJSON("key", text.utf8) }
        #expect(error?.code == .invalidJSON)
        #expect(error?.message.contains("at byte ") == true, "\(error?.message ?? "")")
        #expect(cache.getJSON("key") == Array("1".utf8), "a refused write changes nothing")
    }

    @Test func takesAnySequenceOfBytes() throws {
        try cache.putJSON("a", Array("[1]".utf8))
        try cache.putJSON("b", "[1]".utf8.lazy.map { $0 })
        try cache.putJSON("c", repeatElement(UInt8(ascii: "7"), count: 3))
        #expect(cache.getJSON("a") == cache.getJSON("b"))
        #expect(cache.getJSON("c") == Array("777".utf8))
    }

    @Test func lendsTheBytesToABody() throws {
        struct Refusal: Error {}
        try cache.putJSON("key", "[1]".utf8)
        let sum = cache.withJSON("key") { span in
            (0..<span.byteCount).reduce(0) { $0 + Int(span.unsafeLoad(fromByteOffset: $1, as: UInt8.self)) }
        }
        #expect(sum == "[1]".utf8.reduce(0) { $0 + Int($1) })
        #expect(cache.withJSON("none") { _ in 1 } == nil)
        #expect(throws: Refusal.self) { try cache.withJSON("key") { _ in throw Refusal() } }
        // The body may use the cache: no lock is held.
        #expect(cache.withJSON("key") { _ in cache.delete("key") } == true)
    }

    /// An entry that could not fit even alone is refused when it is prepared, before anything is evicted for it.
    @Test func refusesAnEntryLargerThanTheCache() throws {
        try cache.putJSON("small", "1".utf8)
        let large = Array("\"".utf8) + Array(repeating: UInt8(ascii: "v"), count: 1 << 20) + Array("\"".utf8)
        let error = #expect(throws: CacheError.self) { try cache.putJSON("large", large) }
        #expect(error?.code == .insufficientStorage)
        #expect(throws: CacheError.self) { try cache.put("large", String(repeating: "v", count: 1 << 20)) }
        #expect(throws: CacheError.self) {
            try cache.mput(["a": "1", "large": String(repeating: "v", count: 1 << 20)])
        }
        #expect(cache.getJSON("small") != nil && cache.getJSON("a") == nil)
        #expect(cache.getStats().evictions == 0)
        audit(cache)
    }

    @Test func digestAndOutcomeOfAPut() throws {
        func put(_ text: String) throws -> (outcome: PutOutcome, digest: UInt64) {
            try cache.withParsed(Array(text.utf8)) { (document: borrowing JSONDocument) throws(CacheError) in
                try withUTF8(of: "key") { (key) throws(CacheError) in
                    try cache.put(key, document, document.root, lifetime: nil)
                }
            }
        }
        let first = try put("[1, 2]")
        #expect(first.outcome == .created)
        let second = try put("[1,2]")
        #expect(second.outcome == .replaced)
        #expect(first.digest == second.digest)
        let found = withUTF8(of: "key") { cache.lookup($0)?.digest }
        #expect(found == first.digest)
        #expect(try put("[1,3]").digest != first.digest)
    }

    /// A part of a parsed text can be a value.
    @Test func putsANodeOfADocument() throws {
        try cache.withParsed(Array("{\"a\": [1, {\"b\" : 2}], \"c\": 3}".utf8)) {
            (document: borrowing JSONDocument) throws(CacheError) in
            let name = document.firstChild(of: document.root)!
            let value = document.nextSibling(of: name)!
            try withUTF8(of: "key") { (key) throws(CacheError) in _ = try cache.put(key, document, value, lifetime: nil)
            }
        }
        #expect(cache.getJSON("key") == Array("[1,{\"b\":2}]".utf8))
    }
}
