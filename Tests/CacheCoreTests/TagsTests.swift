import TestSupport
import Testing

@testable import CacheCore

struct TagsTests {
    private let clock = ManualClock()
    private let cache: ProductionCache

    init() throws {
        cache = try ProductionCache(CacheConfiguration(capacity: 100, eviction: .lru, clock: .manual(clock)))
    }

    @Test func removesWhatHasTheTag() throws {
        try cache.put("a", 1, tags: ["x", "y"])
        try cache.mput(["b": 2, "c": 3], tags: ["x"])
        try cache.put("d", 4)
        #expect(cache.deleteAll(tag: "z") == 0)
        #expect(cache.deleteAll(tag: "x") == 3)
        #expect(cache.deleteAll(tag: "x") == 0 && cache.deleteAll(tag: "y") == 0)
        #expect(cache.getStats().deletes == 3 && cache.getStats().currentSize == 1)
        audit(cache)
    }

    @Test func aWriteSetsTheTagsAnew() throws {
        try cache.put("k", 1, tags: ["old"])
        try cache.put("k", 2, tags: ["new"])
        #expect(cache.deleteAll(tag: "old") == 0)
        try cache.put("k", String(repeating: "x", count: 500))
        #expect(cache.deleteAll(tag: "new") == 0)
        try cache.put("k", 3, tags: ["back"])
        audit(cache)
        #expect(cache.deleteAll(tag: "back") == 1)
    }

    @Test func updatesLeaveTheTags() throws {
        try cache.put("n", 1, tags: ["x"])
        try cache.increment("n", ttl: .seconds(9))
        try cache.touch(["n"], ttl: nil)
        try cache.mergeJSON("n", #"{"now":"an object"}"#.utf8)
        #expect(cache.deleteAll(tag: "x") == 1)
    }

    @Test func whatIsGoneHasNoTag() throws {
        try cache.put("expired", 1, ttl: .seconds(1), tags: ["x"])
        try cache.put("deleted", 1, tags: ["x"])
        cache.delete("deleted")
        clock.advance(by: .seconds(1))
        #expect(cache.deleteAll(tag: "x") == 0)
        #expect(cache.getStats().expirations == 1)
        for number in 0..<200 { try cache.put("\(number)", number, tags: ["y"]) }
        #expect(cache.getStats().evictions == 100)
        audit(cache)
        #expect(cache.deleteAll(tag: "y") == 100)
        #expect(cache.store.ledger.bytes == cache.store.emptyFootprint)
    }

    @Test func anExportHasThem() throws {
        try cache.put("k", 1, tags: ["x", "é\""])
        var lines: [UInt8] = []
        _ = try withUTF8(of: "") { (prefix) throws(CacheError) in
            try cache.appendExport(to: &lines, prefix: prefix, after: nil, byteCount: 1000)
        }
        #expect(String(decoding: lines, as: UTF8.self) == #"{"key":"k","value":1,"tags":["x","é\""]}"# + "\n")
        cache.deleteAll()
        var loader = NDJSONLoader(cache: cache, limits: .ofStore)
        lines.withUnsafeBytes { loader.consume($0) }
        #expect(loader.finish().loaded == 1)
        #expect(cache.deleteAll(tag: "é\"") == 1)
        #expect(cache.warm(from: [CacheItem(key: "w", json: Array("1".utf8))]).loaded == 1)
    }

    /// Tags take of the memory that the cache may use, and so does everything else while they come and go.
    @Test func theMemoryLimitHolds() throws {
        var random = TestSeed.generator()
        let cache = try ProductionCache(CacheConfiguration(memoryLimit: 4 << 20, clock: .manual(clock)))
        for number in 0..<20_000 {
            let tags = (0..<random.below(4)).map { _ in "tag-\(random.below(2000))" }
            let value = String(repeating: "x", count: random.below(random.oneIn(10) ? 3000 : 100))
            try cache.put("key-\(random.below(30_000))", value, tags: tags)
            if number % 64 == 0 { cache.deleteAll(tag: "tag-\(random.below(2000))") }
            #expect(cache.store.ledger.bytes <= 4 << 20)
        }
        #expect(cache.getStats().evictions > 0)
        audit(cache)
    }

    @Test func threadsAgreeOnTags() throws {
        let cache = try ProductionCache(capacity: 2000)
        try runThreads(8) { thread in
            for number in 0..<2000 {
                switch number % 8 {
                case 0: cache.deleteAll(tag: "t\(number % 5)")
                case 1: cache.delete("k\(number % 97)")
                default: try cache.put("k\(number * (thread + 1) % 97)", number, tags: ["t\(number % 5)", "all"])
                }
            }
        }
        audit(cache)
        let size = cache.getStats().currentSize
        #expect(cache.deleteAll(tag: "all") == size)
        #expect(cache.getStats().currentSize == 0)
    }
}
