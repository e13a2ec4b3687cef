import Testing

@testable import CacheCore

@Suite struct CacheStatsTests {
    @Test(arguments: [
        (0, 0, 0.0), (1, 0, 100.0), (0, 5, 0.0), (847, 153, 84.7), (1, 2, 100.0 / 3), (Int.max / 2, Int.max / 2, 50.0),
    ])
    func hitRateIsAPercentage(hits: Int, misses: Int, expected: Double) {
        let stats = CacheStats(
            hits: hits, misses: misses, puts: 0, replacements: 0, deletes: 0, evictions: 0, expirations: 0,
            currentSize: 0,
            capacity: nil, memoryBytes: 0, memoryLimit: nil)
        #expect(stats.totalRequests == hits + misses)
        #expect(abs(stats.hitRate - expected) < 1e-9)
    }

    @Test func tellsBoundsAndWhatIsHeld() throws {
        let cache = try ProductionCache(CacheConfiguration(capacity: 7, memoryLimit: 1 << 20))
        let empty = cache.getStats()
        #expect(empty.capacity == 7 && empty.memoryLimit == 1 << 20 && empty.currentSize == 0)
        #expect(empty.memoryBytes > 0, "the empty tables count")
        #expect(empty.hitRate == 0)
        try cache.putJSON("key", "123456789".utf8)
        let one = cache.getStats()
        #expect(one.currentSize == 1)
        #expect(one.memoryBytes >= empty.memoryBytes + "key".count + 9)
        #expect(one.puts == 1 && one.totalRequests == 0)
        let unbounded = try ProductionCache(CacheConfiguration()).getStats()
        #expect(unbounded.capacity == nil && unbounded.memoryLimit == nil)
    }

    /// Each way of leaving is counted under its own name, once.
    @Test func countsWhatHappens() throws {
        let clock = ManualClock()
        let cache = try ProductionCache(CacheConfiguration(capacity: 2, clock: .manual(clock)))
        try cache.putJSON("a", "1".utf8)
        try cache.putJSON("a", "2".utf8)
        try cache.putJSON("b", "3".utf8, ttl: .seconds(1))
        _ = cache.getJSON("a")
        _ = cache.getJSON("b")
        _ = cache.getJSON("c")
        try cache.putJSON("d", "4".utf8)
        #expect(cache.getJSON("a") == nil)
        #expect(cache.delete("d"))
        #expect(!cache.delete("d"))
        clock.advance(by: .seconds(1))
        #expect(cache.getJSON("b") == nil)
        #expect(cache.getJSON("b") == nil)
        let stats = cache.getStats()
        #expect(stats.hits == 2 && stats.misses == 4)
        #expect(stats.puts == 4 && stats.replacements == 1 && stats.deletes == 1)
        #expect(stats.evictions == 1 && stats.expirations == 1 && stats.currentSize == 0)
        #expect(abs(stats.hitRate - 100.0 / 3) < 1e-9)
        cache.resetStats()
        #expect(cache.getStats().totalRequests == 0 && cache.getStats().puts == 0)
    }

    /// Whoever comes upon an expired entry first, it is one expiration, and nothing else.
    @Test(arguments: ["get", "mget", "put", "delete", "mdelete", "deleteAll", "maintain", "getStats", "evict"])
    func anExpiredEntryIsOneExpiration(found: String) throws {
        let clock = ManualClock()
        let cache = try ProductionCache(CacheConfiguration(capacity: 1, clock: .manual(clock)))
        try cache.putJSON("key", "1".utf8, ttl: .nanoseconds(TimerWheel.tick / 2))
        // Past its expiry, but its tick is not over: no sweep lets it go.
        clock.advance(by: .nanoseconds(TimerWheel.tick * 3 / 4))
        let isSwept = ["maintain", "getStats"].contains(found)
        if isSwept { clock.advance(by: .nanoseconds(TimerWheel.tick)) }
        switch found {
        case "get": #expect(cache.getJSON("key") == nil)
        case "mget": #expect(try cache.mgetJSON(["key", "other"]).isEmpty)
        case "put": #expect(try cache.putJSON("key", "2".utf8))
        case "delete": #expect(!cache.delete("key"))
        case "mdelete": #expect(try cache.mdelete(["key", "other"]) == 0)
        case "deleteAll": #expect(cache.deleteAll() == 0)
        case "maintain": cache.maintain()
        case "evict": #expect(try cache.putJSON("other", "2".utf8))
        default: break
        }
        let stats = cache.getStats()
        #expect(stats.expirations == 1, "\(stats)")
        #expect(stats.evictions == 0 && stats.deletes == 0 && stats.replacements == 0, "\(stats)")
        #expect(stats.currentSize == (["put", "evict"].contains(found) ? 1 : 0))
        audit(cache)
    }
}
