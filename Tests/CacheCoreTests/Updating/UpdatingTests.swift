import TestSupport
import Testing

@testable import CacheCore

struct UpdatingTests {
    private let clock = ManualClock()
    private let cache: ProductionCache

    init() throws {
        cache = try ProductionCache(
            CacheConfiguration(capacity: 1000, defaultTTL: .seconds(100), clock: .manual(clock)))
    }

    private func text(_ key: String) -> String? { cache.getJSON(key).map { String(decoding: $0, as: UTF8.self) } }
    private func timeLeft(_ key: String) throws -> Duration? { try cache.keys(prefix: key).keys.first?.ttl }

    // MARK: Increments

    @Test func addsToWhatIsThere() throws {
        #expect(try cache.increment("n") == 1)
        #expect(try cache.increment("n", by: 41, initial: 1000) == 42)
        #expect(try cache.increment("n", by: -50) == -8)
        #expect(try cache.increment("new", by: -1, initial: 100) == 99)
        #expect(text("n") == "-8")
        let stats = cache.getStats()
        #expect(stats.puts == 4 && stats.replacements == 2)
        #expect(stats.hits == 1 && stats.misses == 0, "an increment counts no read")
    }

    @Test(arguments: [("9223372036854775806", Int64(1), Int64.max), ("-9223372036854775807", -1, .min), ("-0", 5, 5)])
    func isExactIn64Bits(value: String, amount: Int64, sum: Int64) throws {
        try cache.putJSON("n", value.utf8)
        #expect(try cache.increment("n", by: amount) == sum)
        #expect(text("n") == "\(sum)")
    }

    @Test(arguments: [
        ("9223372036854775807", Int64(1), CacheError.Code.overflow), ("-9223372036854775808", -1, .overflow),
        ("9223372036854775808", 0, .overflow), ("-99999999999999999999", 1, .overflow), ("1.0", 1, .notANumber),
        ("1e2", 1, .notANumber), (#""1""#, 1, .notANumber), ("null", 1, .notANumber), ("true", 1, .notANumber),
        ("[1]", 1, .notANumber), ("{}", 1, .notANumber),
    ])
    func refusesWhatCannotBeAddedTo(value: String, amount: Int64, code: CacheError.Code) throws {
        try cache.putJSON("n", value.utf8)
        let error = #expect(throws: CacheError.self) { try cache.increment("n", by: amount) }
        #expect(error?.code == code)
        #expect(text("n") == value)
    }

    @Test func keepsTheExpiryUnlessTold() throws {
        try cache.increment("n")
        #expect(try timeLeft("n") == .seconds(100), "a new one has the default")
        clock.advance(by: .seconds(40))
        try cache.increment("n")
        #expect(try timeLeft("n") == .seconds(60))
        try cache.increment("n", ttl: .seconds(5))
        #expect(try timeLeft("n") == .seconds(5))
        clock.advance(by: .seconds(5))
        #expect(try cache.increment("n", initial: 7) == 8, "an expired one is not there")
        #expect(try timeLeft("n") == .seconds(100))
        let error = #expect(throws: CacheError.self) { try cache.increment("n", ttl: .zero) }
        #expect(error?.code == .invalidTTL)
    }

    /// With the machine's clock, so that all is as it is in use.
    @Test func losesNoIncrement() throws {
        let cache = try ProductionCache(capacity: 1000)
        try runThreads(16) { thread in
            for number in 0..<500 { try cache.increment("n\(number % 3)", by: thread.isMultiple(of: 2) ? 1 : 2) }
        }
        let sums = try (0..<3).map { try cache.increment("n\($0)", by: 0) }
        #expect(sums.reduce(0, +) == 500 * (8 + 16))
    }

    // MARK: Touching

    @Test func touchSetsAnotherExpiry() throws {
        try cache.put("a", 1, ttl: .seconds(10))
        try cache.put("b", 2)
        clock.advance(by: .seconds(9))
        #expect(try cache.touch(["a", "b", "none", "a"], ttl: .seconds(30)) == 2)
        #expect(try timeLeft("a") == .seconds(30))
        #expect(try timeLeft("b") == .seconds(30))
        #expect(try cache.touch(["b"], ttl: nil) == 1)
        #expect(try timeLeft("b") == nil)
        clock.advance(by: .seconds(31))
        cache.maintain()
        #expect(try cache.touch(["a"], ttl: .seconds(1)) == 0, "it has expired")
        #expect(cache.getStats().expirations == 1 && cache.getStats().currentSize == 1)
        // A shorter time is kept to as well.
        try cache.touch(["b"], ttl: .seconds(1))
        clock.advance(by: .seconds(2))
        cache.maintain()
        #expect(cache.getStats().currentSize == 0)
        #expect(cache.getStats().totalRequests == 0, "a touch counts no read")
        #expect(throws: CacheError.self) { try cache.touch(["b", ""], ttl: nil) }
        #expect(throws: CacheError.self) { try cache.touch(["b"], ttl: .seconds(-1)) }
    }

    @Test func touchIsAUse() throws {
        let cache = try ProductionCache(CacheConfiguration(capacity: 2, eviction: .lru, clock: .manual(clock)))
        try cache.put("a", 1)
        try cache.put("b", 2)
        try cache.touch(["a"], ttl: nil)
        try cache.put("c", 3)
        #expect(try cache.get("a", as: Int.self) == 1)
        #expect(try cache.get("b", as: Int.self) == nil)
    }

    // MARK: Conditions

    @Test func aWriteGoesByItsCondition() throws {
        func put(_ value: Int, if condition: WriteCondition) throws -> (outcome: PutOutcome, digest: UInt64) {
            try cache.withParsed(Array("\(value)".utf8)) { (document: borrowing JSONDocument) throws(CacheError) in
                try withUTF8(of: "k") { (key) throws(CacheError) in
                    try cache.put(key, document, document.root, lifetime: nil, if: condition)
                }
            }
        }
        func delete(if condition: WriteCondition) -> RemoveOutcome {
            withUTF8(of: "k") { cache.delete($0, if: condition) }
        }
        #expect(try put(1, if: WriteCondition(match: .any)).outcome == .conditionFailed)
        #expect(delete(if: WriteCondition(match: .any)) == .absent)
        let first = try put(1, if: WriteCondition(noneMatch: .any))
        #expect(first.outcome == .created)
        #expect(try put(2, if: WriteCondition(noneMatch: .any)).outcome == .conditionFailed)
        #expect(text("k") == "1")
        #expect(try put(2, if: WriteCondition(match: .digests([7]))).outcome == .conditionFailed)
        #expect(try put(2, if: WriteCondition(noneMatch: .digests([7, first.digest]))).outcome == .conditionFailed)
        #expect(delete(if: WriteCondition(match: .digests([]))) == .conditionFailed)
        let second = try put(2, if: WriteCondition(match: .digests([7, first.digest])))
        #expect(second.outcome == .replaced)
        #expect(delete(if: .isStill(first.digest)) == .conditionFailed)
        #expect(text("k") == "2")
        #expect(delete(if: .isStill(second.digest)) == .removed)
        let stats = cache.getStats()
        #expect(stats.puts == 2 && stats.deletes == 1)
    }

    /// Values of all sizes: whole in their slot, in pieces, and outside.
    @Test(arguments: [1, 100, 1022, 1023, 5000, 60_000, 200_000]) func digestsAreThoseOfTheBytes(count: Int) throws {
        let json = Array("\"\(String(repeating: "x", count: count))\"".utf8)
        try cache.putJSON("k", json)
        let digest = json.withUnsafeBytes { contentDigest($0) }
        let kept: CachedValue? = withUTF8(of: "k") { cache.store.peek($0) }
        #expect(kept?.digest == digest)
        let isMet = WriteCondition.isStill(digest)
        #expect(withUTF8(of: "k") { cache.delete($0, if: isMet) } == .removed)
    }

    /// Read, change, write back if nobody has written meanwhile: nothing is lost.
    @Test func readModifyWriteLosesNothing() throws {
        let cache = try ProductionCache(capacity: 1000)
        try cache.put("n", 0)
        let failures = Tally()
        try runThreads(8) { _ in
            for _ in 0..<200 {
                while true {
                    let value = withUTF8(of: "n") { cache.lookup($0) }!
                    let number = value.withUnsafeBytes { Int(String(decoding: $0, as: UTF8.self))! }
                    let digest = value.digest
                    let json = Array("\(number + 1)".utf8)
                    let outcome = try cache.withParsed(json) {
                        (document: borrowing JSONDocument) throws(CacheError) in
                        try withUTF8(of: "n") { (key) throws(CacheError) in
                            try cache.put(key, document, document.root, lifetime: nil, if: .isStill(digest)).outcome
                        }
                    }
                    if outcome == .replaced { break }
                    failures.add()
                }
            }
        }
        #expect(try cache.get("n", as: Int.self) == 1600, "\(failures.value) tries failed")
    }

    // MARK: Merging

    @Test func mergingKeepsExpiryAndCountsNoRead() throws {
        #expect(try cache.mergeJSON("k", "{}".utf8) == false)
        try cache.putJSON("k", #"{"a":1}"#.utf8, ttl: .seconds(10))
        clock.advance(by: .seconds(4))
        #expect(try cache.mergeJSON("k", #"{"b":2}"#.utf8))
        #expect(try timeLeft("k") == .seconds(6))
        #expect(try cache.mergeJSON("k", "{}".utf8, ttl: .seconds(50)))
        #expect(try timeLeft("k") == .seconds(50))
        #expect(cache.getStats().totalRequests == 0 && cache.getStats().puts == 3)
        let error = #expect(throws: CacheError.self) { try cache.mergeJSON("k", "{".utf8) }
        #expect(error?.code == .invalidJSON)
    }

    @Test func mergesOfManyThreadsAllTakeEffect() throws {
        let cache = try ProductionCache(capacity: 1000)
        try cache.putJSON("k", "{}".utf8)
        try runThreads(8) { thread in
            for number in 0..<40 { try cache.mergeJSON("k", #"{"\#(thread)":{"\#(number)":1}}"#.utf8) }
        }
        let merged = try #require(try cache.get("k", as: [String: [String: Int]].self))
        #expect(merged.count == 8 && merged.values.allSatisfy { $0.count == 40 })
    }
}
