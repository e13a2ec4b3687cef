import TestSupport
import Testing

@testable import CacheCore

struct RetentionTests {
    @Test func aStaleValueIsForThoseWhoAskForIt() throws {
        let test = try CacheOfLeases()
        try test.put("k", "1", ttl: .seconds(10), stale: .seconds(30), tags: ["t"])
        #expect(test.look("k") == "1")
        test.clock.advance(by: .seconds(10))
        #expect(test.get("k") == nil)
        #expect(test.look("k") == "stale 1")
        #expect(try test.cache.mgetJSON(["k"]) == [:])
        #expect(try test.cache.keys().keys == [])
        #expect(try test.cache.touch(["k"], ttl: .seconds(60)) == 0)
        #expect(try test.cache.mergeJSON("k", "{}".utf8) == false)
        #expect(try test.take("k").token != nil)
        test.clock.advance(by: .seconds(29))
        #expect(test.look("k") == "stale 1")
        test.clock.advance(by: .seconds(1))
        #expect(test.look("k") == nil)
    }

    /// However it is found, its expiry is counted once, and when it goes for good not again.
    @Test(arguments: ["read", "look", "mget", "maintain", "put", "delete", "evict"])
    func itExpiresOnce(finder: String) throws {
        let test = try CacheOfLeases(capacity: 2, shardCount: 1)
        let cache = test.cache
        try test.put("k", "1", ttl: .seconds(10), stale: .seconds(30))
        try test.put("stays", "2")
        #expect(cache.getStats().currentSize == 2)
        test.clock.advance(by: .seconds(11))
        switch finder {
        case "read": #expect(test.get("k") == nil)
        case "look": #expect(test.look("k") == "stale 1")
        case "mget": #expect(try cache.mgetJSON(["k"]).isEmpty)
        case "put": try test.put("k", "3")
        case "delete": #expect(cache.delete("k") == false)
        case "evict": try test.put("new", "4")
        default: cache.maintain()
        }
        let isKept = !["put", "delete", "evict"].contains(finder)
        var stats = cache.getStats()
        #expect(stats.expirations == 1)
        #expect(stats.staleEntries == (isKept ? 1 : 0))
        #expect(stats.currentSize == (["put", "evict"].contains(finder) ? 2 : 1))
        #expect([stats.evictions, stats.deletes, stats.replacements] == [0, 0, 0])
        #expect(cache.store.ledger.entries == (finder == "delete" ? 1 : 2))
        audit(cache)
        test.clock.advance(by: .seconds(30))
        stats = cache.getStats()
        #expect(stats.expirations == 1)
        #expect(stats.staleEntries == 0)
        #expect(cache.store.ledger.entries == stats.currentSize)
        audit(cache)
    }

    @Test func whatWasCountedIsNotCountedAgain() throws {
        let test = try CacheOfLeases(capacity: 2, shardCount: 1)
        for (place, end) in ["put", "delete", "clear", "evict"].enumerated() {
            try test.put("k", "1", ttl: .seconds(10), stale: .seconds(1000))
            test.clock.advance(by: .seconds(11))
            #expect(test.cache.getStats().expirations == place + 1)
            switch end {
            case "put": try test.put("k", "2")
            case "delete": test.cache.delete("k")
            case "clear": #expect(test.cache.deleteAll() == 0)
            default:
                try test.put("a", "1")
                try test.put("b", "1")
            }
            #expect(test.look("k") == (end == "put" ? "2" : nil))
            let stats = test.cache.getStats()
            #expect([stats.expirations, stats.staleEntries, stats.evictions, stats.deletes] == [place + 1, 0, 0, 0])
            audit(test.cache)
        }
    }

    @Test func itIsGoneAfterADelete() throws {
        let test = try CacheOfLeases()
        for remove in ["key", "prefix", "tag", "mdelete"] {
            try test.put("k", "1", ttl: .seconds(10), stale: .seconds(30), tags: ["t"])
            test.clock.advance(by: .seconds(11))
            let token = try test.token("k")
            switch remove {
            case "key": #expect(test.cache.delete("k") == false)
            case "prefix": #expect(test.cache.deleteAll(prefix: "k") == 0)
            case "tag": #expect(test.cache.deleteAll(tag: "t") == 0)
            default: #expect(try test.cache.mdelete(["k"]) == 0)
            }
            #expect(test.look("k") == nil)
            #expect(try test.put("k", "2", filling: token) == .leaseLost)
            #expect(try test.take("k").token != nil)
        }
        #expect(test.cache.getStats().expirations == 4)
    }

    @Test func theLeaseComesWithTheStaleValue() throws {
        let test = try CacheOfLeases()
        try test.put("k", "1", ttl: .seconds(10), stale: .seconds(30))
        test.clock.advance(by: .seconds(11))
        let look = try test.take("k")
        let token = try #require(look.token)
        #expect(look == .granted(token, stale: "1"))
        #expect(try test.take("k") == .taken(.seconds(5), stale: "1"))
        #expect(try test.put("k", "2", ttl: .seconds(10), filling: token) == .created)
        #expect(test.look("k") == "2")
        test.clock.advance(by: .seconds(11))
        // It was put without a time to be kept.
        #expect(test.look("k") == nil)
    }

    @Test func aTouchMovesIt() throws {
        let test = try CacheOfLeases()
        try test.put("k", "1", ttl: .seconds(10), stale: .seconds(30))
        try test.cache.touch(["k"], ttl: .seconds(100))
        test.clock.advance(by: .seconds(129))
        #expect(test.look("k") == "stale 1")
        test.clock.advance(by: .seconds(1))
        #expect(test.look("k") == nil)
    }

    @Test func anUpdateKeepsIt() throws {
        let test = try CacheOfLeases()
        try test.put("k", "{}", ttl: .seconds(10), stale: .seconds(30))
        try test.cache.mergeJSON("k", #"{"a":1}"#.utf8)
        test.clock.advance(by: .seconds(39))
        #expect(test.look("k") == #"stale {"a":1}"#)
    }

    @Test func withoutAnEndOfFreshnessThereIsNoStaleness() throws {
        let test = try CacheOfLeases()
        try test.put("k", "1", stale: .seconds(30))
        test.clock.advance(by: .seconds(1_000_000))
        #expect(test.look("k") == "1")
    }

    /// A timer comes upon a page when an entry on it expires, and again when it is to go; others of the page go in between.
    @Test func eachGoesAtItsTime() throws {
        var random = TestSeed.generator()
        let test = try CacheOfLeases(shardCount: 2)
        var ends: [String: (fresh: Int, kept: Int)] = [:]
        for number in 0..<400 {
            let (ttl, stale) = (1 + random.below(50), random.below(50))
            ends["\(number)"] = (ttl, ttl + stale)
            try test.put("\(number)", "1", ttl: .seconds(ttl), stale: .seconds(stale))
        }
        for second in 1...101 {
            test.clock.advance(by: .seconds(1))
            let stats = test.cache.getStats()
            // What ends within the present tick may be there still.
            let fresh = ends.values.count { $0.fresh > second }
            let kept = ends.values.count { $0.kept > second }
            let last = ends.values.count { $0.fresh >= second }
            #expect((fresh...last).contains(stats.currentSize), "after \(second) s")
            #expect((kept...ends.values.count { $0.kept >= second }).contains(test.cache.store.ledger.entries))
            #expect(stats.expirations == 400 - stats.currentSize)
            for (key, end) in ends.shuffled(using: &random).prefix(20) {
                #expect(test.look(key) == (end.fresh > second ? "1" : end.kept > second ? "stale 1" : nil))
            }
        }
        #expect(test.cache.store.ledger.bytes == test.cache.store.emptyFootprint)
    }

    /// Whatever the policy, and whichever shards they are in.
    @Test(arguments: EvictionPolicy.allCases, [1, 8])
    func staleOnesMakeRoomBeforeAnyThatIsAlive(policy: EvictionPolicy, shardCount: Int) throws {
        let clock = ManualClock()
        var configuration = CacheConfiguration(capacity: 100, eviction: policy, clock: .manual(clock))
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        func put(_ key: String, ttl: Duration?, stale: Duration) throws {
            try cache.withParsed(Array("1".utf8)) { (document: borrowing JSONDocument) throws(CacheError) in
                _ = try withUTF8(of: key) { (key) throws(CacheError) in
                    try cache.put(
                        key, document, document.root, lifetime: ttl?.nanoseconds,
                        note: LoadNote(staleIfError: stale.nanoseconds))
                }
            }
        }
        for number in 0..<50 { try put("live-\(number)", ttl: nil, stale: .zero) }
        for number in 0..<50 { try put("stale-\(number)", ttl: .seconds(1 + number / 25), stale: .seconds(600)) }
        clock.advance(by: .milliseconds(1500))
        #expect(cache.getStats().staleEntries == 25)
        clock.advance(by: .seconds(1))
        for number in 0..<50 {
            try put("new-\(number)", ttl: nil, stale: .zero)
            #expect(cache.getStats().staleEntries == 49 - number)
        }
        audit(cache)
        #expect(cache.getStats().evictions == 0)
        #expect(try cache.mgetJSON((0..<50).map { "live-\($0)" }).count == 50)
        try put("one more", ttl: nil, stale: .zero)
        #expect(cache.getStats().evictions == 1)
    }

    /// Of one shard those go first that have been stale longest.
    @Test func whatHasBeenStaleLongestGoesFirst() throws {
        let test = try CacheOfLeases(capacity: 4, shardCount: 1)
        for (key, ttl) in [("c", 3), ("a", 1), ("b", 2), ("d", 4)] {
            try test.put(key, "1", ttl: .seconds(ttl), stale: .seconds(600))
        }
        for _ in 0..<4 {
            test.clock.advance(by: .milliseconds(1200))
            test.cache.maintain()
        }
        test.cache.delete("b")
        try test.put("b", "1", ttl: .seconds(1), stale: .seconds(600))
        test.clock.advance(by: .milliseconds(1200))
        test.cache.maintain()
        for (place, gone) in ["a", "c", "d", "b"].enumerated() {
            try test.put("new-\(place)", "1")
            #expect(test.look(gone) == nil)
            #expect(test.cache.getStats().staleEntries == 3 - place)
        }
        audit(test.cache)
    }

    /// What the notes take is counted, and given back.
    @Test func notesAreCountedAsMemory() throws {
        let test = try CacheOfLeases(memoryLimit: 1 << 20, shardCount: 1)
        for number in 0..<20_000 {
            try test.put("key-\(number)", "1", ttl: .seconds(10), stale: .seconds(30))
            if number % 1000 == 0 { audit(test.cache) }
        }
        #expect(test.cache.store.shards[0].notes.footprint > 100_000)
        audit(test.cache)
        test.clock.advance(by: .seconds(11))
        #expect(test.cache.getStats().currentSize == 0)
        audit(test.cache)
        for number in 0..<20_000 { try test.put("other-\(number)", "1") }
        audit(test.cache)
        #expect(test.cache.store.shards[0].notes.footprint == 0)
        test.cache.deleteAll()
        #expect(test.cache.store.ledger.bytes == test.cache.store.emptyFootprint)
    }
}
