import Synchronization
import TestSupport
import Testing

@testable import CacheCore

struct LeaseContentionTests {
    private func take(_ key: String, in cache: ProductionCache) throws -> LeaseToken? {
        switch try withUTF8(of: key, { (key) throws(CacheError) in try cache.takeLease(key, for: 60_000_000_000) }) {
        case .hit: return nil
        case .miss(let miss):
            if case .granted(let token) = miss.answer { return token }
            return nil
        }
    }

    private func fill(_ key: String, with json: String, by token: LeaseToken, in cache: ProductionCache) throws
        -> PutOutcome
    {
        try cache.withParsed(Array(json.utf8)) { (document: borrowing JSONDocument) throws(CacheError) in
            try withUTF8(of: key) { (key) throws(CacheError) in
                try cache.put(
                    key, document, document.root, lifetime: nil, tags: try TagList.make(["t"]),
                    filling: Lease(token: token)
                ).outcome
            }
        }
    }

    @Test func ofManyThreadsOneIsGranted() throws {
        for _ in 0..<20 {
            let cache = try ProductionCache(capacity: 1000)
            let granted = Tally()
            try runThreads(64) { _ in
                if try take("k", in: cache) != nil { granted.add() }
            }
            #expect(granted.value == 1)
            #expect(cache.getStats().leasesGranted == 1)
        }
    }

    /// Loaders read a number from a "database" and fill the key with it, while others count it up there and delete the key. What the
    /// cache has after a delete is never what was in the database before.
    @Test func aDeleteDuringALoadIsNeverUndone() throws {
        let cache = try ProductionCache(capacity: 1000)
        let database = Atomic<Int>(0)
        let fills = Tally()
        let isOver = Flag()
        let loaders = ThreadRun(3)
        loaders.start { _ in
            while !isOver.isUp {
                guard let token = try take("k", in: cache) else { continue }
                let read = database.load(ordering: .sequentiallyConsistent)
                if try fill("k", with: "\(read)", by: token, in: cache) != .leaseLost { fills.add() }
            }
        }
        var stale = 0
        // So many fills, however the threads take turns; else the test has seen nothing.
        var changes = 0
        while changes < 3000 || fills.value < 300 {
            changes += 1
            let written = database.add(1, ordering: .sequentiallyConsistent).newValue
            switch changes % 4 {
            case 0: cache.delete("k")
            case 1: cache.deleteAll(prefix: "k")
            case 2: cache.deleteAll(tag: "t")
            default: try cache.mdelete(["k"])
            }
            for _ in 0..<20 {
                guard let json = cache.getJSON("k") else { continue }
                if Int(String(decoding: json, as: UTF8.self))! < written { stale += 1 }
            }
        }
        isOver.raise()
        try loaders.join()
        #expect(stale == 0, "of \(changes) deletes \(stale) reads after them found what was before")
        audit(cache)
    }

    /// All that leases and notes are about, by threads of which some are at the same keys: the parts of the store say the same in the end.
    @Test(arguments: [1, 8])
    func allAtOnce(shardCount: Int) throws {
        var configuration = CacheConfiguration(memoryLimit: 1 << 20)
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        let seed = TestSeed.generator("shards \(shardCount)")
        try runThreads(6) { thread in
            var random = seed
            for _ in 0..<thread { _ = random.next() }
            for _ in 0..<TestScale.operations(percent: 1) {
                let key = "key-\(random.below(3000))"
                switch random.below(12) {
                case 0: cache.delete(key)
                case 1 where random.oneIn(50): cache.deleteAll(prefix: "key-1")
                case 2: cache.maintain()
                case 3: withUTF8(of: key) { _ = cache.lookupForLoading($0) }
                case 4:
                    let (lease, _) = try withUTF8(of: key) { (key) throws(CacheError) in try cache.beginLoad(key) }
                    withUTF8(of: key) {
                        if random.oneIn(2) {
                            _ = cache.renew(
                                $0, lifetime: 1_000_000, note: LoadNote(staleIfError: 5_000_000),
                                validator: [1, 2, 3], filling: lease)
                        } else {
                            cache.endLoad(lease, of: $0)
                        }
                    }
                case 5, 6:
                    let json = Array("\"\(String(repeating: "x", count: random.below(300)))\"".utf8)
                    _ = try cache.withParsed(json) { (document: borrowing JSONDocument) throws(CacheError) in
                        try withUTF8(of: key) { (key) throws(CacheError) in
                            try cache.put(
                                key, document, document.root, lifetime: Int64(1 + random.below(3_000_000)),
                                note: LoadNote(staleWhileRevalidate: Int64(random.below(3_000_000)))
                            ).outcome
                        }
                    }
                default:
                    if let token = try take(key, in: cache) { _ = try fill(key, with: "1", by: token, in: cache) }
                }
            }
        }
        cache.maintain()
        audit(cache)
        cache.deleteAll()
        #expect(cache.store.ledger.bytes == cache.store.emptyFootprint)
    }
}
