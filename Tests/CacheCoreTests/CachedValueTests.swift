import TestSupport
import Testing

@testable import CacheCore

@Suite struct CachedValueTests {
    private let clock = ManualClock()
    private let cache: ProductionCache

    init() throws { cache = try ProductionCache(CacheConfiguration(capacity: 1, clock: .manual(clock))) }

    private struct Miss: Error { let key: String }

    private func found(_ key: String) throws -> CachedValue {
        guard let value = withUTF8(of: key, { cache.lookup($0) }) else { throw Miss(key: key) }
        return value
    }

    @Test func tellsCountAgeAndTimeLeft() throws {
        clock.advance(by: .seconds(5))
        try cache.putJSON("key", "[ 1, 2 ]".utf8, ttl: .seconds(10))
        clock.advance(by: .seconds(3))
        let value = try found("key")
        #expect(value.count == 5)
        #expect((3_000_000_000...3_067_000_000).contains(value.age(at: cache.now)))
        #expect(value.timeLeft(at: cache.now) == 7_000_000_000)
        // Never less than nothing: the clock that a caller reads may be behind or ahead.
        #expect(value.age(at: 0) == 0)
        #expect(value.timeLeft(at: cache.now + 8_000_000_000) == 0)
        #expect(value.timeLeft(at: .max) == 0)
    }

    @Test func withoutExpiryNoTimeIsLeftToTell() throws {
        try cache.putJSON("key", "1".utf8)
        let value = try found("key")
        #expect(value.timeLeft(at: cache.now) == nil)
    }

    @Test func digestIsThatOfTheBytes() throws {
        try cache.putJSON("key", "[1 , 2]".utf8)
        let digest = try found("key").digest
        try cache.putJSON("other", "[1,2]".utf8)
        let same = try found("other").digest
        #expect(same == digest)
        try cache.putJSON("other", "[2,1]".utf8)
        let other = try found("other").digest
        #expect(other != digest)
    }

    /// A value that was read stays as it was, though its entry is replaced, evicted, expired or deleted.
    @Test(arguments: ["replaced", "evicted", "expired", "deleted", "cleared"])
    func outlivesItsEntry(cause: String) throws {
        let text = "\"" + String(repeating: "v", count: 5000) + "\""
        try cache.putJSON("key", text.utf8, ttl: .seconds(60))
        let value = try found("key")
        switch cause {
        case "replaced": try cache.putJSON("key", "1".utf8)
        case "evicted": try cache.putJSON("other", "1".utf8)
        case "expired":
            clock.advance(by: .seconds(61))
            cache.maintain()
        case "deleted": cache.delete("key")
        default: cache.deleteAll()
        }
        // Fresh blocks would take the place of a freed one.
        for number in 0..<50 { try cache.putJSON("new-\(number)", String(repeating: "7", count: 5002).utf8) }
        #expect(value.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } == text)
    }

    @Test func lentBytesStayUntilTheyAreGivenBack() throws {
        try cache.putJSON("key", "\"lent\"".utf8)
        let (bytes, token) = try found("key").lend()
        cache.delete("key")
        for number in 0..<50 { try cache.putJSON("new-\(number)", "\"tnel\"".utf8) }
        #expect(String(decoding: bytes, as: UTF8.self) == "\"lent\"")
        CachedValue.endLending(token)
    }

    @Test func valuesOfABulkReadAreByPlace() throws {
        let cache = try ProductionCache(capacity: 10)
        try cache.putJSON("a", "1".utf8)
        try cache.putJSON("c", "333".utf8)
        var batch = KeyBatch(capacity: 3)
        for key in ["a", "b", "c"] { try batch.append(Array(key.utf8)) }
        let values = cache.lookup(batch)
        cache.deleteAll()
        #expect(values.count == 3)
        #expect((0..<3).map { values.isPresent($0) } == [true, false, true])
        #expect(values.byteCount(below: 100) == 4)
        #expect(values.byteCount(below: 3) == 1)
        #expect(
            (0..<3).map { values.withUnsafeBytes($0) { String(decoding: $0, as: UTF8.self) } } == ["1", nil, "333"])
    }
}
