import TestSupport
import Testing

@testable import CacheCore

@Suite struct MemoryLimitTests {
    private func makeCache(_ limit: Int, shardCount: Int = 1, capacity: Int? = nil) throws -> ProductionCache {
        var configuration = CacheConfiguration(capacity: capacity, memoryLimit: limit, clock: .manual(ManualClock()))
        configuration.shardCount = shardCount
        return try ProductionCache(configuration)
    }

    private func json(_ count: Int) -> [UInt8] { Array(repeating: UInt8(ascii: "1"), count: count) }

    /// What is held is the footprints of the entries and the tables, to the byte, after every operation; it is never over the
    /// limit; what is evicted is what was used longest ago, and no more of it than need be.
    @Test(arguments: [1, 4], [64 << 10, 400 << 10])
    func holdsWhatFits(shardCount: Int, limit: Int) throws {
        let cache = try makeCache(limit, shardCount: shardCount)
        var random = TestSeed.generator("holdsWhatFits \(shardCount) \(limit)")
        var uses: [String] = []
        var footprints: [String: Int] = [:]
        for step in 0..<2000 {
            // Sizes change in the course of the test, so that tables grow and shrink while there is no room.
            let largest = [2000, 20, 300, 8000][step / 500]
            let key = "key-\(random.below(3000))"
            uses.removeAll { $0 == key }
            if random.oneIn(6) {
                cache.delete(key)
                continue
            }
            let tables = tableBytes(cache)
            try cache.putJSON(key, json(1 + random.below(largest)))
            let evicted = uses.prefix { find($0, in: cache) == nil }
            if let last = evicted.last, tableBytes(cache) == tables {
                // The one that went last had to go, for the new entry or for a table to grow.
                let needed = cache.store.ledger.bytes + footprints[last]! + largestGrowth(cache)
                try #require(needed > limit, "too many went at step \(step)")
            }
            uses.removeFirst(evicted.count)
            uses.append(key)
            footprints[key] = find(key, in: cache)?.footprint
            try #require(cache.store.ledger.entries == uses.count, "not the oldest went at step \(step)")
            try #require(cache.store.ledger.bytes <= limit)
            if step % 100 == 0 { audit(cache) }
        }
        for key in uses { try #require(find(key, in: cache) != nil) }
        #expect(cache.getStats().evictions > 100)
        cache.deleteAll()
        #expect(cache.store.ledger.bytes == cache.store.emptyFootprint)
    }

    /// The entry with a key, without using it.
    private func find(_ key: String, in cache: ProductionCache) -> Entry? {
        withUTF8(of: key) { key in
            let hash = cache.store.hasher.hash(key)
            return cache.store.shards[cache.store.shardIndex(hash)].table.find(key, hash: hash)
        }
    }

    private func tableBytes(_ cache: ProductionCache) -> Int {
        (0..<cache.store.shardCount).reduce(0) { $0 + cache.store.shards[$1].table.footprint }
    }

    private func largestGrowth(_ cache: ProductionCache) -> Int {
        (0..<cache.store.shardCount).reduce(0) { max($0, cache.store.shards[$1].table.growth) }
    }

    /// The largest entry that is accepted gets in, whatever the cache holds; one byte more is refused and changes nothing.
    @Test(arguments: [1, 8])
    func theLargestEntryGetsIn(shardCount: Int) throws {
        let cache = try makeCache(256 << 10, shardCount: shardCount)
        for number in 0..<2000 { try cache.putJSON("small-\(number)", json(10)) }
        var accepted = 1
        var refused = 1 << 20
        while refused - accepted > 1 {
            let count = (accepted + refused) / 2
            let before = cache.store.ledger.bytes
            do {
                try cache.putJSON("large", json(count))
                accepted = count
            } catch {
                #expect((error as CacheError).code == .insufficientStorage)
                #expect(cache.store.ledger.bytes == before)
                refused = count
            }
        }
        for number in 0..<2000 { try cache.putJSON("small-\(number)", json(10)) }
        try cache.putJSON("large", json(accepted))
        #expect(cache.getJSON("large")?.count == accepted)
        #expect(accepted > (256 << 10) - cache.store.emptyFootprint - 4096)
        audit(cache)
    }

    /// A write is a use of its key: others go before the entry that it replaces, even the oldest of all.
    @Test(arguments: [1, 4])
    func replacingByALargerValueIsAReplacement(shardCount: Int) throws {
        let cache = try makeCache(64 << 10, shardCount: shardCount)
        for number in 0..<5 { try cache.putJSON("key-\(number)", json(8000)) }
        #expect(cache.getStats().evictions == 0)
        #expect(try cache.putJSON("key-0", json(30_000)) == false, "replaced, not created")
        let stats = cache.getStats()
        #expect(stats.replacements == 1 && stats.currentSize == 5 - stats.evictions && stats.evictions >= 1)
        #expect(
            cache.getJSON("key-0")?.count == 30_000 && cache.getJSON("key-4") != nil && cache.getJSON("key-1") == nil)
        audit(cache)
    }

    @Test func replacingTheOnlyEntryByOneOfAllTheRoom() throws {
        let cache = try makeCache(64 << 10)
        try cache.putJSON("key", json(30_000))
        try cache.putJSON("key", json(50_000))
        #expect(cache.getJSON("key")?.count == 50_000)
        #expect(cache.getStats().currentSize == 1)
        audit(cache)
    }

    /// Room that an eviction made belongs to the writer that made it, until it is filled or given back.
    @Test func roomThatWasMadeIsNotTakenByOthers() throws {
        let cache = try makeCache(64 << 10)
        let store = cache.store
        var number = 0
        while cache.getStats().evictions == 0 {
            number += 1
            try cache.putJSON("key-\(number)", json(500))
        }
        var room = Ledger.Room()
        let before = store.ledger.bytes
        for _ in 0..<3 { store.makeRoom(&room, now: 0) }
        #expect(room.entries == 3 && room.bytes > 1500)
        #expect(store.ledger.bytes == before, "it still counts as held")
        let evictions = cache.getStats().evictions
        try cache.putJSON("other", json(500))
        #expect(cache.getStats().evictions == evictions + 1, "the other made its own room")
        #expect(store.ledger.bytes <= 64 << 10)
        store.ledger.release(&room)
        #expect(store.ledger.bytes < before)
        audit(cache)
    }

    /// When nothing is left to evict, a writer gives back what it has: two cannot wait for each other's halves.
    @Test func roomIsGivenBackWhenNothingIsLeft() throws {
        let cache = try makeCache(64 << 10)
        try cache.putJSON("key", json(500))
        var room = Ledger.Room()
        cache.store.makeRoom(&room, now: 0)
        #expect(room.entries == 1)
        cache.store.makeRoom(&room, now: 0)
        #expect(room == Ledger.Room())
        #expect(cache.store.ledger.bytes == cache.store.emptyFootprint && cache.store.ledger.entries == 0)
    }

    /// More shards than the memory has room for: every entry is refused, nothing hangs.
    @Test func tablesThatFillTheMemory() throws {
        let cache = try makeCache(64 << 10, shardCount: 1024)
        let error = #expect(throws: CacheError.self) { try cache.putJSON("key", json(1)) }
        #expect(error?.code == .insufficientStorage)
        #expect(throws: CacheError.self) { try cache.mput(["a": 1, "b": 2]) }
        #expect(cache.getStats().currentSize == 0)
    }

    /// Under both bounds each holds, whichever is met first.
    @Test func bothBoundsHold() throws {
        let cache = try makeCache(64 << 10, capacity: 10)
        for number in 0..<100 { try cache.putJSON("small-\(number)", json(1)) }
        #expect(cache.getStats().currentSize == 10)
        for number in 0..<100 { try cache.putJSON("large-\(number)", json(20_000)) }
        #expect(cache.getStats().currentSize == 2 || cache.getStats().currentSize == 3)
        audit(cache)
    }

    /// Batches of which each alone has more bytes than fit.
    @Test(arguments: [1, 4])
    func batchesLargerThanTheMemory(shardCount: Int) throws {
        let cache = try makeCache(64 << 10, shardCount: shardCount)
        for round in 0..<20 {
            try cache.mput(
                Dictionary(
                    uniqueKeysWithValues: (0..<200).map { ("key-\(round)-\($0)", String(repeating: "v", count: 1000)) })
            )
            #expect(cache.store.ledger.bytes <= 64 << 10)
        }
        #expect(cache.getStats().puts == 4000)
        #expect(cache.getStats().currentSize > 30)
        audit(cache)
    }
}
