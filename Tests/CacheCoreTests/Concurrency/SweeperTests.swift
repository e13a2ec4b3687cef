import TestSupport
import Testing
import Threading

@testable import CacheCore

/// These wait without blocking a thread: a sweeper works on the threads that all tasks share.
@Suite struct SweeperTests {
    @Test func callsAgainAndAgain() async throws {
        let calls = Tally()
        let sweeper = Sweeper(every: .milliseconds(1)) { calls.add() }
        try await waitUntil("five calls") { calls.value >= 5 }
        _ = consume sweeper
    }

    /// When it goes away, what it captured is let go, so no further call can come.
    @Test func letsGoOfWhatItCaptured() async throws {
        weak var captured: Tally?
        do {
            let calls = Tally()
            captured = calls
            let sweeper = Sweeper(every: .milliseconds(1)) { calls.add() }
            try await waitUntil("a call") { calls.value >= 1 }
            _ = consume sweeper
        }
        try await waitUntil("the work is let go") { captured == nil }
    }

    /// Expired entries go without being read, and without a call of anything.
    @Test func expiredEntriesGoByThemselves() async throws {
        let cache = try ProductionCache(capacity: 1000)
        for number in 0..<500 { try cache.putJSON("short-\(number)", "1".utf8, ttl: .milliseconds(1)) }
        try cache.putJSON("long", "1".utf8, ttl: .seconds(3600))
        try cache.putJSON("for ever", "1".utf8)
        try await waitUntil("expired entries are gone") {
            cache.store.counters.sum(CacheCounter.expirations.rawValue) == 500
        }
        #expect(cache.store.ledger.entries == 2)
        let stats = cache.getStats()
        #expect(stats.evictions == 0 && stats.deletes == 0 && stats.totalRequests == 0)
        #expect(cache.getJSON("long") != nil && cache.getJSON("for ever") != nil)
    }

    /// The sweeper does not keep a cache alive that nobody has any more.
    @Test func aCacheThatNobodyHasIsFreed() async throws {
        weak var store: ShardedStore?
        do {
            let cache = try ProductionCache(capacity: 10)
            try cache.putJSON("key", "1".utf8)
            store = cache.store
            #expect(store != nil)
        }
        try await waitUntil("the store is freed") { store == nil }
    }
}
