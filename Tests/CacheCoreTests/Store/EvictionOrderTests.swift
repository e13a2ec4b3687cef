import TestSupport
import Testing

@testable import CacheCore

/// For one client the order of LRU is exact over the whole cache: what goes is what was used longest ago, however keys are spread over
/// shards. Against a plain list, the oldest use first.
@Suite struct EvictionOrderTests {
    enum Clock: CaseIterable { case manual, machine }

    @Test(arguments: [1, 2, 8, 64], Clock.allCases)
    func theLeastRecentlyUsedGoes(shardCount: Int, clock: Clock) throws {
        let capacity = 50
        var configuration = CacheConfiguration(capacity: capacity, eviction: .lru)
        if clock == .manual { configuration.clock = .manual(ManualClock()) }
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        var random = TestSeed.generator("theLeastRecentlyUsedGoes \(shardCount) \(clock)")
        let names = (0..<120).map { "key-\($0)" }
        var uses: [Int] = []
        var evictions = 0

        func use(_ key: Int) -> Bool {
            guard let place = uses.firstIndex(of: key) else { return false }
            uses.append(uses.remove(at: place))
            return true
        }
        for step in 0..<4000 {
            let key = random.below(names.count)
            switch random.below(10) {
            case ..<4:
                try #require((cache.getJSON(names[key]) != nil) == use(key), "get \(key) at step \(step)")
            case ..<8:
                let isNew = !use(key)
                try #require(try cache.putJSON(names[key], "1".utf8) == isNew, "put \(key) at step \(step)")
                guard isNew else { break }
                if uses.count == capacity {
                    uses.removeFirst()
                    evictions += 1
                }
                uses.append(key)
            case 8:
                let wasHeld = uses.contains(key)
                uses.removeAll { $0 == key }
                try #require(cache.delete(names[key]) == wasHeld, "delete \(key) at step \(step)")
            default:
                // A bulk read uses its keys in their order.
                let keys = Set((0..<random.below(10)).map { _ in random.below(names.count) }).shuffled(using: &random)
                let found = try cache.mgetJSON(keys.map { names[$0] })
                try #require(Set(found.keys) == Set(keys.filter { use($0) }.map { names[$0] }), "mget at step \(step)")
            }
            try #require(cache.store.ledger.entries == uses.count)
        }
        #expect(cache.getStats().evictions == evictions)
        for key in uses { #expect(cache.getJSON(names[key]) != nil) }
        audit(cache)
    }

    /// Below the bounds nothing is evicted, however unevenly keys fall on the shards.
    @Test(arguments: [1, 64])
    func nothingGoesBelowTheCapacity(shardCount: Int) throws {
        var configuration = CacheConfiguration(capacity: 100, eviction: .lru)
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        for number in 0..<100 { try cache.putJSON("key-\(number)", "1".utf8) }
        for number in 0..<100 { try cache.putJSON("key-\(number)", "2".utf8) }
        #expect(cache.getStats().evictions == 0 && cache.getStats().currentSize == 100)
        try cache.putJSON("one more", "1".utf8)
        #expect(cache.getStats().evictions == 1 && cache.getStats().currentSize == 100)
        #expect(cache.getJSON("key-0") == nil, "the oldest")
    }

    /// Expired entries go first, though others were used longer ago, and though much has to be moved in the timer wheel
    /// to find them.
    @Test(arguments: [1, 4])
    func expiredEntriesGoFirst(shardCount: Int) throws {
        let clock = ManualClock()
        var configuration = CacheConfiguration(capacity: 2401, clock: .manual(clock))
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        // All in the same bucket of the wheel's second level; the one that expires first lies at its bottom.
        let span = Duration.nanoseconds(TimerWheel.tick * 64)
        try cache.putJSON("short", "1".utf8, ttl: span * 2 + .nanoseconds(TimerWheel.tick))
        for number in 0..<2400 {
            try cache.putJSON("key-\(number)", "1".utf8, ttl: span * 3 - .nanoseconds(number))
        }
        #expect(cache.getJSON("short") != nil)
        clock.advance(by: span * 2 + .nanoseconds(TimerWheel.tick * 2))
        try cache.putJSON("new", "1".utf8)
        let stats = cache.getStats()
        #expect(stats.expirations == 1 && stats.evictions == 0, "\(stats)")
        audit(cache)
    }
}
