import Synchronization
import TestSupport
import Testing

@testable import CacheCore

@Suite struct MemoryLimitTests {
    private func makeCache(_ limit: Int, shardCount: Int = 1, capacity: Int? = nil) throws -> ProductionCache {
        var configuration = CacheConfiguration(
            capacity: capacity, memoryLimit: limit, eviction: .lru, clock: .manual(ManualClock()))
        configuration.shardCount = shardCount
        return try ProductionCache(configuration)
    }

    private func json(_ count: Int) -> [UInt8] { Array(repeating: UInt8(ascii: "1"), count: count) }

    /// What is held is never over the limit, and is what its parts say; what is evicted is what was used longest ago, and little more than
    /// need be, whatever sizes come after which.
    @Test(arguments: [1, 4], [128 << 10, 1 << 20])
    func holdsWhatFits(shardCount: Int, limit: Int) throws {
        let cache = try makeCache(limit, shardCount: shardCount)
        var random = TestSeed.generator("holdsWhatFits \(shardCount) \(limit)")
        var uses: [String] = []
        var counts: [String: Int] = [:]
        for step in 0..<4000 {
            // Sizes change in the course of the test, so that tables grow and shrink while there is no room, and pages change hands.
            let largest = [2000, 20, 300, 20_000][step / 1000]
            let key = "key-\(random.below(3000))"
            uses.removeAll { $0 == key }
            if random.oneIn(6) {
                cache.delete(key)
                continue
            }
            let count = 1 + random.below(largest)
            try cache.putJSON(key, json(count))
            let evicted = uses.prefix { find($0, in: cache) == nil }
            uses.removeFirst(evicted.count)
            uses.append(key)
            counts[key] = count
            try #require(cache.store.ledger.entries == uses.count, "not the oldest went at step \(step)")
            try #require(cache.store.ledger.bytes <= limit)
            if step % 100 == 0 { audit(cache) }
            if limit == 1 << 20, shardCount == 1, !evicted.isEmpty, step % 1000 > 500 {
                let useful = uses.reduce(0) { $0 + $1.utf8.count + counts[$1]! + 40 }
                try #require(useful > limit * 7 / 10, "of \(limit) bytes only \(useful) are of use at step \(step)")
            }
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

    /// What a class of sizes left behind is had by another: entries close ranks, none is lost, and pages become free.
    @Test(arguments: [1, 4])
    func entriesCloseRanks(shardCount: Int) throws {
        var random = TestSeed.generator("entriesCloseRanks \(shardCount)")
        let cache = try makeCache(64 << 20, shardCount: shardCount)
        var keys = (0..<20_000).map { "key-\($0)" }
        func value(_ key: String) -> [UInt8] { json(1 + Int(key.dropFirst(4))! * 7919 % 3000) }
        for key in keys { try cache.putJSON(key, value(key)) }
        let full = cache.store.ledger.bytes
        keys.shuffle(using: &random)
        for key in keys.suffix(18_000) { cache.delete(key) }
        keys.removeLast(18_000)
        let scattered = cache.store.ledger.bytes
        cache.maintain()
        audit(cache)
        let closed = cache.store.ledger.bytes
        #expect(closed < scattered / 2, "\(full) bytes, \(scattered) after the deletions, \(closed) with closed ranks")
        for key in keys { try #require(cache.getJSON(key) == value(key)) }
        #expect(cache.getStats().evictions == 0)
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
        #expect(accepted > (256 << 10) - cache.store.emptyFootprint - 3 * 4096)
        audit(cache)
    }

    /// A write is a use of its key: others go before the entry that it replaces, even the oldest of all.
    @Test(arguments: [1, 4])
    func replacingByALargerValueIsAReplacement(shardCount: Int) throws {
        let cache = try makeCache(128 << 10, shardCount: shardCount)
        for number in 0..<5 { try cache.putJSON("key-\(number)", json(8000)) }
        #expect(cache.getStats().evictions == 0)
        #expect(try cache.putJSON("key-0", json(80_000)) == false, "replaced, not created")
        let stats = cache.getStats()
        #expect(stats.replacements == 1 && stats.currentSize == 5 - stats.evictions && stats.evictions >= 1)
        #expect(
            cache.getJSON("key-0")?.count == 80_000 && cache.getJSON("key-4") != nil && cache.getJSON("key-1") == nil)
        audit(cache)
    }

    /// Whatever the policy: the entry that a larger value replaces is not what makes room for it.
    @Test(arguments: EvictionPolicy.allCases)
    func theReplacedEntryIsSpared(policy: EvictionPolicy) throws {
        var configuration = CacheConfiguration(memoryLimit: 1 << 20, eviction: policy, clock: .manual(ManualClock()))
        configuration.shardCount = 1
        let cache = try ProductionCache(configuration)
        for round in 0..<100 {
            for number in 0..<10 { try cache.putJSON("key-\(round)-\(number)", json(90_000)) }
            let key = "key-\(round)-9"
            guard cache.getJSON(key) != nil else { continue }
            #expect(try cache.putJSON(key, json(200_000 + round % 2 * 200_000)) == false, "replaced, not created")
        }
        #expect(cache.getStats().replacements > 50)
        audit(cache)
    }

    /// A replacement is one use of its key, however often it has to wait for room.
    @Test func aReplacementThatMakesRoomIsOneUse() throws {
        var configuration = CacheConfiguration(memoryLimit: 1 << 20, eviction: .sieve, clock: .manual(ManualClock()))
        configuration.shardCount = 1
        let cache = try ProductionCache(configuration)
        for number in 0..<10 { try cache.putJSON("key-\(number)", json(90_000)) }
        #expect(find("key-9", in: cache)?.frequency == 0)
        try cache.putJSON("key-9", json(400_000))
        #expect(cache.getStats().evictions > 1)
        #expect(find("key-9", in: cache)?.frequency == 1)
        try cache.putJSON("key-9", json(400_000))
        #expect(find("key-9", in: cache)?.frequency == 2)
    }

    /// What leaves many pages behind goes in steps, none of which holds a lock for long; and the pages' room goes back.
    @Test func largeEntriesGoInSteps() throws {
        let clock = ManualClock()
        var configuration = CacheConfiguration(capacity: 100_000, eviction: .lru, clock: .manual(clock))
        configuration.shardCount = 1
        let cache = try ProductionCache(configuration)
        let store = cache.store
        // Whole pieces, so that one page has as many entries as can be.
        let count = 14 * store.geometry.pieceBytes
        for number in 0..<480 { try cache.putJSON("key-\(number)", json(count), ttl: .seconds(1)) }
        clock.advance(by: .seconds(2))
        let step = store.expire(0, now: cache.now, budget: 8)
        #expect(step.removed > 0 && step.removed < 400 && !step.isComplete)
        #expect(store.pool.warmBytes <= 1 << 20)
        cache.maintain()
        #expect(cache.getStats().expirations == 480)
        for number in 0..<480 { try cache.putJSON("key-\(number)", json(count)) }
        #expect(cache.deleteAll() == 480)
        #expect(store.pool.warmBytes <= 1 << 20)
        #expect(store.ledger.bytes == store.emptyFootprint)
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

    /// Makes room for an entry that never comes.
    private func makeRoom(_ room: inout Ledger.Room, in store: ShardedStore) throws {
        let entry = try withUTF8(of: "new") {
            try store.prepare(key: $0, valueCount: 5000, lifetime: nil, at: (0, 0)) { _ in }
        }
        defer { entry.block.release() }
        store.makeRoom(
            &room, for: 0, entry, EntryLayout(keyCount: 3, valueCount: 5000, in: store.geometry), now: 0)
    }

    /// Room that an eviction made belongs to the writer that made it, until it is filled or given back.
    @Test func roomThatWasMadeIsNotTakenByOthers() throws {
        let cache = try makeCache(64 << 10)
        let store = cache.store
        var number = 0
        while cache.getStats().evictions == 0 {
            number += 1
            try cache.putJSON("key-\(number)", json(5000))
        }
        var room = Ledger.Room()
        let before = store.ledger.bytes
        while room.bytes < 3 * 4096 { try makeRoom(&room, in: store) }
        #expect(room.entries >= 2)
        #expect(store.ledger.bytes == before, "it still counts as held")
        let evictions = cache.getStats().evictions
        try cache.putJSON("other", json(5000))
        #expect(cache.getStats().evictions > evictions, "the other made its own room")
        #expect(store.ledger.bytes <= 64 << 10)
        let held = store.ledger.bytes
        let made = room.bytes
        store.ledger.release(&room)
        #expect(store.ledger.bytes == held - made)
        audit(cache)
    }

    /// When nothing is left to evict, a writer gives back what it has: two cannot wait for each other's halves.
    @Test func roomIsGivenBackWhenNothingIsLeft() throws {
        let cache = try makeCache(64 << 10)
        try cache.putJSON("key", json(500))
        var room = Ledger.Room()
        try makeRoom(&room, in: cache.store)
        #expect(room.entries == 1)
        try makeRoom(&room, in: cache.store)
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
        // Of the pages, some are for tables, and in each shard one at least is not full.
        #expect(cache.getStats().currentSize >= 25)
        audit(cache)
    }

    /// Where entries alone are lacking, one put lets one entry go, and does not look for memory.
    @Test(arguments: [EvictionPolicy.lru, .auto])
    func roomForAnEntryIsNotRoomInMemory(policy: EvictionPolicy) throws {
        let cache = try ProductionCache(
            CacheConfiguration(capacity: 2000, eviction: policy, clock: .manual(ManualClock())))
        for number in 0..<2000 { try cache.putJSON("key-\(number)", json(1300 + number % 5 * 500)) }
        for number in stride(from: 0, to: 2000, by: 3) { try cache.putJSON("key-\(number)", json(30)) }
        let isSparse = cache.store.summaries[0].hasSparePage.load(ordering: .relaxed)
        try #require(isSparse)
        let before = cache.store.ledger.bytes
        try cache.putJSON("new", json(30))
        #expect(cache.store.ledger.bytes > before - 100_000, "some pages at most")
        #expect(cache.getStats().evictions == 1)
    }

    /// One entry of a quarter of the memory lets go about as much as it takes, and what is in use stays; under LRU that is what
    /// was used last.
    @Test(arguments: EvictionPolicy.allCases)
    func aHugeEntryDoesNotFlushTheCache(policy: EvictionPolicy) throws {
        let cache = try ProductionCache(
            CacheConfiguration(memoryLimit: 8 << 20, eviction: policy, clock: .manual(ManualClock())))
        let hot = 0..<1000
        for number in hot { try cache.putJSON("hot-\(number)", json(1000)) }
        for number in 0..<12_000 {
            try cache.putJSON("cold-\(number)", json(1000))
            let key = "hot-\(number % hot.count)"
            if cache.getJSON(key) == nil { try cache.putJSON(key, json(1000)) }
        }
        let held = hot.count { cache.getJSON("hot-\($0)") != nil }
        #expect(held >= 900)
        let before = cache.store.ledger.entries
        try cache.putJSON("huge", json(2 << 20))
        #expect(cache.getJSON("huge")?.count == 2 << 20)
        let gone = before - (cache.store.ledger.entries - 1)
        #expect(gone < (2 << 20) * 5 / 4 / 1000, "\(gone) of \(before) entries went")
        let kept = hot.count { cache.getJSON("hot-\($0)") != nil }
        #expect(kept >= held * 98 / 100, "\(kept) of \(held)")
        audit(cache)
    }
}
