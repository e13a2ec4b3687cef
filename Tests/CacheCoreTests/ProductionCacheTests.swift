import TestSupport
import Testing

@testable import CacheCore

/// What the cache does with one key, whatever the value.
@Suite struct ProductionCacheTests {
    private let clock = ManualClock(secondsSince1970: 1_700_000_000)

    private func makeCache(capacity: Int? = nil, memoryLimit: Int? = nil, defaultTTL: Duration? = nil) throws
        -> ProductionCache
    {
        try ProductionCache(
            CacheConfiguration(
                capacity: capacity, memoryLimit: memoryLimit, defaultTTL: defaultTTL, clock: .manual(clock)))
    }

    @Test func getsWhatWasPut() throws {
        let cache = try makeCache()
        #expect(cache.getJSON("key") == nil)
        #expect(try cache.putJSON("key", "[1,2]".utf8), "new")
        #expect(cache.getJSON("key") == Array("[1,2]".utf8))
        #expect(try !cache.putJSON("key", "3".utf8), "replaced")
        #expect(cache.getJSON("key") == Array("3".utf8))
        #expect(cache.delete("key"))
        #expect(cache.getJSON("key") == nil)
        #expect(!cache.delete("key"))
        #expect(try cache.putJSON("key", "4".utf8), "new again")
    }

    @Test func makingACacheChecksItsCapacity() throws {
        let error = #expect(throws: CacheError.self) { try ProductionCache(capacity: 0) }
        #expect(error?.code == .invalidConfiguration)
        #expect(try ProductionCache(capacity: 1).getStats().capacity == 1)
        #expect(try ProductionCache(capacity: 1).evictionPolicy == .auto)
    }

    // MARK: Keys

    /// Keys are bytes: what differs in any of them is another key.
    @Test func keysAreBytes() throws {
        let cache = try makeCache()
        let keys = [
            "a", "A", "a ", "a\0", "\0a", "\0", "\0\0", "a\0b", "a\0c", "é", "e\u{301}", "鍵", "👩‍👩‍👧", "a/b", "a%2Fb",
            "\u{FEFF}a",
            "\n", "\u{10FFFF}",
        ]
        for (number, key) in keys.enumerated() {
            #expect(try cache.putJSON(key, "\(number)".utf8), "\(key.debugDescription)")
        }
        for (number, key) in keys.enumerated() {
            #expect(cache.getJSON(key) == Array("\(number)".utf8), "\(key.debugDescription)")
        }
        #expect(cache.getStats().currentSize == keys.count)
        for key in keys { #expect(cache.delete(key), "\(key.debugDescription)") }
    }

    @Test func refusesTheEmptyKey() throws {
        let cache = try makeCache()
        let error = #expect(throws: CacheError.self) { try cache.putJSON("", "1".utf8) }
        #expect(error?.code == .invalidKey)
        #expect(throws: CacheError.self) { try cache.put("", 1) }
        #expect(cache.getJSON("") == nil)
        #expect(!cache.delete(""))
        #expect(cache.getStats().currentSize == 0)
    }

    @Test func keysHaveUpTo65535Bytes() throws {
        let cache = try makeCache()
        let longest = String(repeating: "k", count: 65_535)
        let other = String(repeating: "k", count: 65_534) + "j"
        try cache.putJSON(longest, "1".utf8)
        try cache.putJSON(other, "2".utf8)
        #expect(cache.getJSON(longest) == Array("1".utf8))
        #expect(cache.getJSON(other) == Array("2".utf8))
        let error = #expect(throws: CacheError.self) { try cache.putJSON(longest + "k", "1".utf8) }
        #expect(error?.code == .keyTooLong)
        #expect(error?.message.contains("65536") == true && error?.message.contains("65535") == true)
        #expect(cache.getJSON(longest + "k") == nil, "a key that cannot be is a miss")
        #expect(!cache.delete(longest + "k"))
        // Bytes count, not characters.
        #expect(throws: CacheError.self) { try cache.putJSON(String(repeating: "é", count: 32_768), "1".utf8) }
    }

    // MARK: Time to live

    @Test func isNeverServedAtOrAfterItsExpiry() throws {
        let cache = try makeCache()
        try cache.putJSON("key", "1".utf8, ttl: .seconds(10))
        clock.advance(by: .seconds(10) - .nanoseconds(1))
        #expect(cache.getJSON("key") != nil)
        clock.advance(by: .nanoseconds(1))
        #expect(cache.getJSON("key") == nil)
    }

    @Test func livesTenYearsAtMost() throws {
        let cache = try makeCache()
        try cache.putJSON("key", "1".utf8, ttl: .seconds(315_360_000))
        for ttl in [Duration.zero, .seconds(-1), .seconds(315_360_001)] {
            let error = #expect(throws: CacheError.self) { try cache.putJSON("key", "2".utf8, ttl: ttl) }
            #expect(error?.code == .invalidTTL)
            #expect(throws: CacheError.self) { try cache.put("key", 2, ttl: ttl) }
            #expect(throws: CacheError.self) { try cache.mput(["key": 2], ttl: ttl) }
        }
        #expect(cache.getJSON("key") == Array("1".utf8), "a refused write changes nothing")
        clock.advance(by: .seconds(315_359_999))
        #expect(cache.getJSON("key") != nil)
        clock.advance(by: .seconds(1))
        #expect(cache.getJSON("key") == nil)
    }

    @Test func theShortestTimeToLiveIsANanosecond() throws {
        let cache = try makeCache()
        try cache.putJSON("key", "1".utf8, ttl: Duration(secondsComponent: 0, attosecondsComponent: 1))
        #expect(cache.getJSON("key") != nil)
        clock.advance(by: .nanoseconds(1))
        #expect(cache.getJSON("key") == nil)
    }

    @Test func aWriteSetsTheTimeToLiveAnew() throws {
        let cache = try makeCache()
        try cache.putJSON("key", "1".utf8, ttl: .seconds(1))
        try cache.putJSON("key", "2".utf8)
        clock.advance(by: .seconds(100))
        #expect(cache.getJSON("key") != nil, "the second write had none")
        try cache.putJSON("key", "3".utf8, ttl: .seconds(1))
        clock.advance(by: .seconds(1))
        #expect(cache.getJSON("key") == nil)
    }

    @Test func withoutOneTheDefaultApplies() throws {
        let cache = try makeCache(defaultTTL: .seconds(5))
        try cache.putJSON("json", "1".utf8)
        try cache.put("codable", 1)
        try cache.mput(["bulk": 1])
        try cache.putJSON("own", "1".utf8, ttl: .seconds(50))
        #expect(cache.defaultTimeToLive == 5_000_000_000)
        clock.advance(by: .seconds(5))
        #expect(["json", "codable", "bulk"].allSatisfy { cache.getJSON($0) == nil })
        #expect(cache.getJSON("own") != nil)
    }

    /// At the end of the clock's range an expiry is as good as none; it must not overflow.
    @Test func expiriesBeyondTheClockAreNone() throws {
        clock.advance(by: .nanoseconds(Int64.max - 5))
        let cache = try makeCache()
        try cache.putJSON("near", "1".utf8, ttl: .nanoseconds(2))
        try cache.putJSON("beyond", "1".utf8, ttl: .seconds(315_360_000))
        clock.advance(by: .nanoseconds(2))
        #expect(cache.getJSON("near") == nil)
        #expect(cache.getJSON("beyond") != nil)
        cache.maintain()
        #expect(cache.getStats().currentSize == 1)
    }

    // MARK: Removing many

    @Test func deletesByPrefix() throws {
        let cache = try makeCache()
        for key in ["user:1", "user:2", "user", "use", "Xuser:1", "user:\0"] { try cache.putJSON(key, "1".utf8) }
        #expect(cache.deleteAll(prefix: "user:") == 3)
        #expect(cache.deleteAll(prefix: "user:") == 0)
        #expect(cache.getJSON("user") != nil && cache.getJSON("Xuser:1") != nil)
        #expect(cache.deleteAll() == 3)
        #expect(cache.getStats().deletes == 6)
        #expect(cache.deleteAll() == 0)
    }

    /// Prefixes are bytes: half of a character matches nothing that a key can have at that place.
    @Test func prefixesAreBytes() throws {
        let cache = try makeCache()
        for key in ["é", "è", "e\u{301}"] { try cache.putJSON(key, "1".utf8) }
        #expect([0xC3].withUnsafeBytes { cache.deleteAll(prefix: UnsafeRawBufferPointer(rebasing: $0[..<1])) } == 2)
        #expect(cache.deleteAll(prefix: "e") == 1)
    }

    @Test func deletesManyMoreThanAScanLooksAtAtOnce() throws {
        let cache = try makeCache()
        for number in 0..<5000 { try cache.putJSON("\(number % 2)-\(number)", "1".utf8) }
        #expect(cache.deleteAll(prefix: "1-") == 2500)
        #expect(cache.getStats().currentSize == 2500)
        audit(cache)
        #expect(cache.deleteAll() == 2500)
        #expect(cache.store.ledger.bytes == cache.store.emptyFootprint)
    }
}
