import Synchronization
import TestSupport
import Testing

@testable import CacheCore

/// What holds whichever policy governs a cache.
@Suite struct PoliciesTests {
    private func cache(
        _ policy: EvictionPolicy, capacity: Int? = nil, memoryLimit: Int? = nil, shardCount: Int
    ) throws -> ProductionCache {
        var configuration = CacheConfiguration(
            capacity: capacity, memoryLimit: memoryLimit, eviction: policy, clock: .manual(ManualClock()))
        configuration.shardCount = shardCount
        return try ProductionCache(configuration)
    }

    /// Random operations, and now and then other rules: what is held is what was put last, there is never too much, nothing
    /// goes without need, and all parts of the store agree.
    @Test(arguments: EvictionPolicy.allCases, [1, 4])
    func holdsWhatWasPut(policy: EvictionPolicy, shardCount: Int) throws {
        var random = TestSeed.generator("holdsWhatWasPut \(policy) \(shardCount)")
        let capacity = 60
        let cache = try cache(policy, capacity: capacity, shardCount: shardCount)
        var values: [String: Int] = [:]
        for step in 0..<6000 {
            let key = "key-\(min(random.below(200), random.below(200)))"
            let before = cache.getStats()
            switch random.below(10) {
            case ..<5:
                let found: Int? = try cache.get(key)
                #expect(found == nil || found == values[key], "\(key) at step \(step)")
            case ..<9:
                try cache.put(key, step)
                values[key] = step
                #expect(try cache.get(key) == step, "what was put last is there")
            default:
                cache.delete(key)
                values[key] = nil
            }
            let stats = cache.getStats()
            if before.currentSize < capacity { #expect(stats.evictions == before.evictions, "at step \(step)") }
            #expect(stats.currentSize <= capacity)
            if policy == .auto, random.oneIn(200) {
                let rules = EvictionRules.allCases[random.below(5)]
                for shard in 0..<shardCount { cache.store.withShard(shard) { $0.order.become(rules) } }
            }
            if step % 100 == 0 { audit(cache) }
        }
        #expect(cache.getStats().evictions > 0)
        audit(cache)
        cache.deleteAll()
        #expect(cache.store.ledger.bytes == cache.store.emptyFootprint, "the history's memory goes back too")
    }

    @Test(arguments: EvictionPolicy.allCases, [1, 4])
    func holdsWhatFitsIntoMemory(policy: EvictionPolicy, shardCount: Int) throws {
        var random = TestSeed.generator("holdsWhatFitsIntoMemory \(policy) \(shardCount)")
        let limit = 1 << 20
        let cache = try cache(policy, memoryLimit: limit, shardCount: shardCount)
        for step in 0..<6000 {
            // Now and then one that takes half of all there is.
            let size = random.oneIn(500) ? limit / 2 : 1 + random.below(1000)
            let key = "key-\(random.below(3000))"
            try cache.putJSON(key, Array(repeating: UInt8(ascii: "1"), count: size))
            _ = cache.getJSON("key-\(random.below(3000))")
            #expect(cache.store.ledger.bytes <= limit)
            if step % 500 == 0 { audit(cache) }
        }
        audit(cache)
        cache.deleteAll()
        #expect(cache.store.ledger.bytes == cache.store.emptyFootprint)
        // And one that takes nearly all of it.
        let most = limit - cache.store.emptyFootprint - 3 * 4096
        try cache.putJSON("large", Array(repeating: UInt8(ascii: "1"), count: most))
        #expect(cache.getJSON("large")?.count == most)
    }

    /// Shards stay alike, however the first entries fell on them: none is left with so little that it evicts what has just
    /// come.
    @Test(arguments: EvictionPolicy.allCases)
    func shardsStayAlike(policy: EvictionPolicy) throws {
        guard policy != .lru else { return }
        let cache = try cache(policy, capacity: 400, shardCount: 4)
        let names = (0..<20_000).map { "key-\($0)" }
        func shard(of key: String) -> Int { withUTF8(of: key) { cache.store.shardIndex(cache.store.hasher.hash($0)) } }
        for name in names.filter({ shard(of: $0) == 0 }).prefix(400) { try cache.putJSON(name, "1".utf8) }
        for name in names.suffix(10_000) { try cache.putJSON(name, "1".utf8) }
        for shard in 0..<4 {
            let count = cache.store.summaries[shard].count.load(ordering: .relaxed)
            #expect((90...110).contains(count), "shard \(shard) has \(count)")
        }
    }

    /// Traffic that changes from what one policy likes to what another does: auto, which changes with it, hits more than
    /// any of them by itself. It leads by some ten points.
    @Test func autoLeadsWhenTheTrafficChanges() throws {
        var random = TestSeed.generator("autoLeadsWhenTheTrafficChanges")
        var trace: [Int] = []
        for _ in 0..<60 { trace += 0..<1000 }  // a loop larger than the cache
        for step in 0..<60_000 {  // used again within the reach of the cache, and then no more
            trace.append(
                step.isMultiple(of: 2) ? 10_000 + step : max(10_000, 10_000 + step - 1 - 2 * random.below(400)))
        }
        for _ in 0..<60_000 {  // a few often, many once
            trace.append(random.oneIn(3) ? 1_000_000 + random.below(1_000_000) : 500_000 + random.below(700))
        }
        let names = trace.map { "key-\($0)" }
        func hitRate(_ policy: EvictionPolicy) throws -> Double {
            let cache = try cache(policy, capacity: 600, shardCount: 1)
            for name in names where cache.withJSON(name, { _ in }) == nil { try cache.putJSON(name, "1".utf8) }
            return cache.getStats().hitRate
        }
        let best = try EvictionPolicy.allCases.filter { $0 != .auto }.map(hitRate).max()!
        let auto = try hitRate(.auto)
        #expect(auto > best + 5, "auto \(auto), the best alone \(best)")
    }

    /// Under both bounds, when memory is the one that is met, W-TinyLFU's window is a share of what fits.
    @Test func aCapacityThatIsNeverMetChangesNothing() throws {
        var random = TestSeed.generator("aCapacityThatIsNeverMetChangesNothing")
        let keys = (0..<60_000).map { request in
            random.oneIn(2) ? "hot-\(random.below(1 + random.below(1600)))" : "scan-\(request % 10_000)"
        }
        func hitRate(capacity: Int?) throws -> Double {
            var configuration = CacheConfiguration(
                capacity: capacity, memoryLimit: 2 << 20, eviction: .wTinyLFU, clock: .manual(ManualClock()))
            configuration.shardCount = 1
            let cache = try ProductionCache(configuration)
            let value = Array(repeating: UInt8(ascii: "1"), count: 2000)
            for key in keys where cache.withJSON(key, { _ in }) == nil { try cache.putJSON(key, value) }
            return cache.getStats().hitRate
        }
        let memoryAlone = try hitRate(capacity: nil)
        let both = try hitRate(capacity: 1_000_000)
        #expect(both > memoryAlone - 2, "\(both) % with a capacity, \(memoryAlone) % without")
    }
}
