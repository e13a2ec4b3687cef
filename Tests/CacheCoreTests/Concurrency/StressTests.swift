import Foundation
import Synchronization
import TestSupport
import Testing

@testable import CacheCore

/// Several threads, mixed operations; what must be true at every moment and in the end.
@Suite struct StressTests {
    /// A value that names its key and the write that made it, with a checksum over both: a value of another key, a mixture
    /// of two values or freed memory cannot pass for one.
    private struct Stamp {
        static func json(key: String, write: UInt64, padding: Int) -> [UInt8] {
            let body = "\(key)|\(write)|\(String(repeating: "p", count: padding))"
            return Array("\"\(checksum(body))|\(body)\"".utf8)
        }

        static func isValid(_ json: UnsafeRawBufferPointer, for key: String) -> Bool {
            let text = String(decoding: json, as: UTF8.self)
            guard text.first == "\"", text.last == "\"" else { return false }
            let parts = text.dropFirst().dropLast().split(
                separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return false }
            return parts[1].hasPrefix("\(key)|") && String(checksum(String(parts[1]))) == parts[0]
        }

        private static func checksum(_ text: String) -> UInt64 {
            var text = text
            return text.withUTF8 { bytes in
                var hash: UInt64 = 0xCBF2_9CE4_8422_2325
                for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
                return hash
            }
        }
    }

    private static let threads = 4

    /// What the threads did together.
    private final class Totals: Sendable {
        let requests = Tally()
        let puts = Tally()
        let deleted = Tally()
        let created = Tally()
    }

    @Test(arguments: [1, 8], EvictionPolicy.allCases)
    func boundedByEntries(shardCount: Int, policy: EvictionPolicy) throws {
        try run(
            CacheConfiguration(capacity: 150, eviction: policy), shardCount: shardCount, keys: 400, percent: 1,
            test: "boundedByEntries \(policy)")
    }

    @Test(arguments: [1, 8])
    func boundedByMemory(shardCount: Int) throws {
        try run(CacheConfiguration(memoryLimit: 128 << 10), shardCount: shardCount, keys: 2000, percent: 3)
    }

    @Test func unbounded() throws {
        try run(CacheConfiguration(), shardCount: 4, keys: 1000, percent: 3)
    }

    private func run(
        _ configuration: CacheConfiguration, shardCount: Int, keys: Int, percent: Int, test: String = #function
    ) throws {
        var configuration = configuration
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        let random = TestSeed.generator("\(test) shards \(shardCount)")
        let totals = Totals()
        let names = (0..<keys).map { "key-\($0)" }
        let isDone = Flag()
        let watcher = ThreadRun(1)
        watcher.start { _ in
            while !isDone.isUp {
                let stats = cache.getStats()
                if let capacity = stats.capacity { #expect(stats.currentSize <= capacity) }
                if let limit = stats.memoryLimit { #expect(stats.memoryBytes <= limit) }
                #expect(stats.totalRequests == stats.hits + stats.misses)
            }
        }
        let operations = TestScale.operations(percent: percent) / Self.threads
        try runThreads(Self.threads) { thread in
            try Self.work(cache, names, operations, random.split(thread), totals)
        }
        isDone.raise()
        try watcher.join()
        try Self.checkEnd(cache, totals)
    }

    private static func work(
        _ cache: ProductionCache, _ names: [String], _ operations: Int, _ random: SplitMix64, _ totals: Totals
    ) throws {
        var random = random
        var held: [(String, HeldValue)] = []
        for _ in 0..<operations {
            let name = names[random.below(names.count)]
            switch random.below(100) {
            case ..<45:
                totals.requests.add()
                if let value = withUTF8(of: name, { cache.lookup($0) }) { held.append((name, HeldValue(value))) }
                // Values stay valid while their entries are replaced, evicted and expired.
                if held.count == 50 { held = try checked(held) }
            case ..<75:
                totals.puts.add()
                let ttl: Duration? = random.oneIn(4) ? .microseconds(1 + random.below(3000)) : nil
                let json = Stamp.json(
                    key: name, write: random.next(), padding: random.below(random.oneIn(20) ? 3000 : 40))
                if try cache.putJSON(name, json, ttl: ttl) { totals.created.add() }
            case ..<82:
                if cache.delete(name) { totals.deleted.add() }
            case ..<88:
                let wanted = Set((0..<8).map { _ in names[random.below(names.count)] })
                totals.requests.add(wanted.count)
                for (key, json) in try cache.mgetJSON(wanted) {
                    try #require(json.withUnsafeBytes { Stamp.isValid($0, for: key) }, "\(key)")
                }
            case ..<94:
                var batch = WriteBatch(cache: cache, capacity: 8)
                for _ in 0..<8 {
                    let name = names[random.below(names.count)]
                    let json = Stamp.json(key: name, write: random.next(), padding: 10)
                    try withUTF8(of: name) { (key) throws(CacheError) in
                        try batch.append(key, json: Data(json), lifetime: random.oneIn(4) ? 1_000_000 : nil)
                    }
                }
                totals.puts.add(8)
                try batch.commit()
            case ..<97:
                totals.deleted.add(try cache.mdelete((0..<4).map { _ in names[random.below(names.count)] }))
            case ..<98:
                cache.maintain()
            case ..<99:
                _ = try cache.keys(prefix: "key-1", limit: 20)
            default:
                totals.deleted.add(cache.deleteAll(prefix: "key-\(random.below(names.count))"))
            }
        }
        _ = try checked(held)
    }

    private static func checked(_ held: [(String, HeldValue)]) throws -> [(String, HeldValue)] {
        for (name, value) in held {
            try #require(value.value.withUnsafeBytes { Stamp.isValid($0, for: name) }, "\(name)")
        }
        return []
    }

    private static func checkEnd(_ cache: ProductionCache, _ totals: Totals) throws {
        audit(cache)
        let stats = cache.getStats()
        #expect(stats.totalRequests == totals.requests.value)
        #expect(stats.puts == totals.puts.value)
        #expect(stats.deletes == totals.deleted.value)
        try waitUntil("all that was put is held, or has left in one way") { isCountedOnce(cache) }
        cache.deleteAll()
        let empty = cache.getStats()
        #expect(empty.currentSize == 0)
        #expect(empty.memoryBytes == cache.store.emptyFootprint)
        try waitUntil("all that was put has left in one way") { isCountedOnce(cache) }
    }

    /// Whether each entry that was put is held, or has left in exactly one way. Not so for a moment: an entry that the cache's own
    /// thread lets go is counted just after it has left.
    private static func isCountedOnce(_ cache: ProductionCache) -> Bool {
        let stats = cache.getStats()
        let gone = stats.replacements + stats.deletes + stats.evictions + stats.expirations
        return stats.puts == stats.currentSize + gone
    }

    /// Keys that nobody touches are listed exactly once each, while others come and go and the tables grow and shrink.
    @Test(arguments: [1, 8])
    func listingMeetsStableKeysOnceUnderChurn(shardCount: Int) throws {
        var configuration = CacheConfiguration()
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        let stable = Set((0..<300).map { "stable-\($0)" })
        for key in stable { try cache.putJSON(key, "1".utf8) }
        let isDone = Flag()
        let churners = ThreadRun(2)
        churners.start { thread in
            while !isDone.isUp {
                for number in 0..<1500 { try cache.putJSON("churn-\(thread)-\(number)", "2".utf8) }
                cache.deleteAll(prefix: "churn-\(thread)-")
                for key in stable { if !isDone.isUp { try cache.putJSON(key, "3".utf8) } }
            }
        }
        for round in 0..<30 {
            var listed: [String] = []
            var cursor: ListingCursor?
            repeat {
                let page = try cache.keys(prefix: round % 2 == 0 ? "" : "stable", limit: 1 + round * 7, after: cursor)
                listed += page.keys.map(\.key)
                cursor = page.cursor
            } while cursor != nil
            #expect(Set(listed).count == listed.count, "a key was listed twice")
            #expect(stable.isSubset(of: listed), "a stable key was not listed")
        }
        isDone.raise()
        try churners.join()
    }

    /// The statistics stay in step with each other while they are reset under load.
    @Test func statisticsCanBeResetUnderLoad() throws {
        let cache = try ProductionCache(capacity: 100)
        let isDone = Flag()
        let workers = ThreadRun(3)
        workers.start { thread in
            var number = 0
            while !isDone.isUp {
                number += 1
                try cache.putJSON("key-\(number % 200)", "1".utf8)
                _ = cache.getJSON("key-\(number * 7 % 200)")
            }
        }
        for _ in 0..<200 {
            cache.resetStats()
            try waitUntil("requests are counted") { cache.getStats().totalRequests > 50 }
            let stats = cache.getStats()
            #expect(stats.totalRequests == stats.hits + stats.misses)
            #expect((0...100).contains(stats.hitRate))
        }
        isDone.raise()
        try workers.join()
        let before = cache.getStats()
        cache.resetStats()
        let stats = cache.getStats()
        #expect(stats.hits == 0 && stats.misses == 0 && stats.puts == 0 && stats.evictions == 0)
        #expect(
            stats.currentSize == before.currentSize && stats.memoryBytes == before.memoryBytes, "what is held stays")
    }

    /// A value that was read, on the heap so that an array can hold it.
    private final class HeldValue {
        let value: CachedValue
        init(_ value: consuming CachedValue) { self.value = value }
    }
}
