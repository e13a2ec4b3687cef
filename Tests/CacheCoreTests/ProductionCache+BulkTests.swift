import Testing

@testable import CacheCore

@Suite(.serialized) struct ProductionCacheBulkTests {
    private let clock = ManualClock()

    private func makeCache(shardCount: Int = 4, capacity: Int? = nil) throws -> ProductionCache {
        var configuration = CacheConfiguration(capacity: capacity, eviction: .lru, clock: .manual(clock))
        configuration.shardCount = shardCount
        return try ProductionCache(configuration)
    }

    @Test func mgetFindsWhatIsThere() throws {
        let cache = try makeCache()
        try cache.mput(["a": 1, "b": 2, "c": 3])
        #expect(try cache.mget(["a", "x", "c", "a"], as: Int.self) == ["a": 1, "c": 3])
        #expect(try cache.mgetJSON(["b", "x"]) == ["b": Array("2".utf8)])
        #expect(try cache.mget([String](), as: Int.self) == [:])
        #expect(try cache.mget(Set(["a"]), as: Int.self) == ["a": 1])
        #expect(try cache.mget((0..<2).lazy.map { "k\($0)" }, as: Int.self) == [:])
        // Each distinct key is one hit or miss.
        let stats = cache.getStats()
        #expect(stats.hits == 4 && stats.misses == 4)
    }

    @Test func mgetRefusesAKeyThatCannotBe() throws {
        let cache = try makeCache()
        try cache.mput(["a": 1])
        #expect(throws: CacheError.self) { try cache.mget(["a", ""], as: Int.self) }
        #expect(throws: CacheError.self) { try cache.mgetJSON(["a", String(repeating: "k", count: 65_536)]) }
        #expect(cache.getStats().totalRequests == 0)
    }

    /// If any key or value is refused, nothing is put.
    @Test func mputIsAllOrNothing() throws {
        let cache = try makeCache()
        try cache.mput(["a": 1])
        for bad in ["", String(repeating: "k", count: 65_536)] {
            #expect(throws: CacheError.self) { try cache.mput(["a": 2, "b": 3, "c": 4, bad: 5]) }
        }
        #expect(throws: CacheError.self) { try cache.mput(["a": 2, "b": 3], ttl: .zero) }
        #expect(try cache.mget(["a", "b", "c"], as: Int.self) == ["a": 1])
        #expect(cache.getStats().puts == 1)
        audit(cache)
    }

    @Test func mputOfNothingIsNothing() throws {
        let cache = try makeCache()
        try cache.mput([String: Int]())
        #expect(cache.getStats().puts == 0)
    }

    @Test func mputSetsOneTimeToLiveForAll() throws {
        let cache = try makeCache()
        try cache.mput(["a": 1, "b": 2], ttl: .seconds(2))
        clock.advance(by: .seconds(2) - .nanoseconds(1))
        #expect(try cache.mget(["a", "b"], as: Int.self).count == 2)
        clock.advance(by: .nanoseconds(1))
        #expect(try cache.mget(["a", "b"], as: Int.self).isEmpty)
        #expect(cache.getStats().expirations == 2)
    }

    @Test func mdeleteRemovesWhatIsThere() throws {
        let cache = try makeCache()
        try cache.mput(["a": 1, "b": 2, "c": 3])
        #expect(try cache.mdelete(["a", "x", "a", "c"]) == 2)
        #expect(try cache.mdelete([String]()) == 0)
        #expect(throws: CacheError.self) { try cache.mdelete(["b", ""]) }
        #expect(try cache.get("b") == 2, "nothing was removed")
        #expect(cache.getStats().deletes == 2 && cache.getStats().currentSize == 1)
    }

    // MARK: Batches

    private func append(_ key: String, _ json: String, to batch: inout WriteBatch, lifetime: Int64? = nil) throws {
        try batch.cache.withParsed(Array(json.utf8)) { (document: borrowing JSONDocument) throws(CacheError) in
            try batch.append(Array(key.utf8), document, document.root, lifetime: lifetime)
        }
    }

    @Test(arguments: [1, 4])
    func theLaterOfTwoStays(shardCount: Int) throws {
        let cache = try makeCache(shardCount: shardCount)
        var batch = WriteBatch(cache: cache, capacity: 3)
        for (key, json) in [("a", "1"), ("b", "2"), ("a", "3")] { try append(key, json, to: &batch) }
        #expect(batch.count == 3)
        try batch.commit()
        #expect(try cache.mget(["a", "b"], as: Int.self) == ["a": 3, "b": 2])
        #expect(cache.getStats().puts == 3 && cache.getStats().replacements == 1)
        audit(cache)
    }

    @Test func aDroppedBatchLeavesNoTrace() throws {
        let cache = try makeCache()
        do {
            var batch = WriteBatch(cache: cache, capacity: 2)
            try append("a", "[1, 2, 3]", to: &batch)
            #expect(throws: CacheError.self) { try append("", "1", to: &batch) }
        }
        #expect(cache.getStats().puts == 0)
        #expect(cache.store.ledger.bytes == cache.store.emptyFootprint)
    }

    @Test func itemsOfABatchHaveTheirOwnTimesToLive() throws {
        let cache = try makeCache()
        var batch = WriteBatch(cache: cache, capacity: 2)
        try append("short", "1", to: &batch, lifetime: 1)
        try append("long", "2", to: &batch, lifetime: 1_000_000_000)
        try append("for ever", "3", to: &batch)
        try batch.commit()
        clock.advance(by: .nanoseconds(1))
        #expect(try cache.mget(["short", "long", "for ever"], as: Int.self) == ["long": 2, "for ever": 3])
    }

    /// A batch larger than the cache: all are accepted, the last stay.
    @Test func theLastOfALargeBatchStay() throws {
        let cache = try makeCache(shardCount: 1, capacity: 10)
        var batch = WriteBatch(cache: cache, capacity: 1000)
        for number in 0..<1000 { try append("key-\(number)", "\(number)", to: &batch) }
        try batch.commit()
        let found = try cache.mget((0..<1000).map { "key-\($0)" }, as: Int.self)
        #expect(Set(found.values) == Set(990..<1000))
        let stats = cache.getStats()
        #expect(stats.puts == 1000 && stats.evictions == 990 && stats.currentSize == 10)
        audit(cache)
    }

    @Test func aBatchLargerThanTheCacheInManyShardsKeepsTheBounds() throws {
        let cache = try makeCache(shardCount: 8, capacity: 10)
        var batch = WriteBatch(cache: cache, capacity: 1000)
        for number in 0..<1000 { try append("key-\(number)", "\(number)", to: &batch) }
        try batch.commit()
        let stats = cache.getStats()
        #expect(stats.puts == 1000 && stats.evictions == 990 && stats.currentSize == 10)
        audit(cache)
    }
}
