import TestSupport
import Testing

@testable import CacheCore

/// The times to live of a bulk load are spread, by the keys.
@Suite struct TTLJitterTests {
    private let clock = ManualClock(secondsSince1970: 1_700_000_000)

    private func makeCache(jitter: Int, defaultTTL: Duration? = nil) throws -> ProductionCache {
        try ProductionCache(CacheConfiguration(defaultTTL: defaultTTL, ttlJitter: jitter, clock: .manual(clock)))
    }

    private func left(_ key: String, in cache: ProductionCache) -> Int64? {
        withUTF8(of: key) { cache.lookup($0) }?.timeLeft(at: cache.now)
    }

    private let second: Int64 = 1_000_000_000

    @Test(arguments: [0, 1, 20, 100])
    func spreadsEvenlyAndNeverBeyond(percent: Int) throws {
        let cache = try makeCache(jitter: percent)
        let keys = (0..<2000).map { "key-\($0)" }
        try cache.mput(Dictionary(uniqueKeysWithValues: keys.map { ($0, 1) }), ttl: .seconds(1000))
        let shortened = keys.map { 1000 * second - (left($0, in: cache) ?? 0) }
        let most = 10 * Int64(percent) * second
        #expect(shortened.allSatisfy { (0...most).contains($0) })
        // Each tenth of the range has its tenth of the keys: 200, with a standard deviation of 13.
        guard percent > 0 else { return }
        for tenth in 0..<10 as Range<Int64> {
            let count = shortened.count { $0 * 10 / most == tenth }
            #expect((120...280).contains(count), "\(count) keys in tenth \(tenth)")
        }
    }

    /// A key has the same share every time, so that a batch and its repetition agree.
    @Test func followsFromTheKey() throws {
        let (one, other) = (try makeCache(jitter: 50), try makeCache(jitter: 50))
        for cache in [one, other] { try cache.mput(["a": 1, "b": 2], ttl: .seconds(100)) }
        #expect(left("a", in: one) == left("a", in: other) && left("b", in: one) == left("b", in: other))
        #expect(left("a", in: one) != left("b", in: one))
    }

    /// Single puts and what never expires stay as they are; the default time to live of a bulk load is spread like another.
    @Test func holdsForBulkLoadsAlone() async throws {
        let cache = try makeCache(jitter: 50)
        try cache.put("single", 1, ttl: .seconds(100))
        try cache.mput(["eternal": 1])
        #expect(left("single", in: cache) == 100 * second && left("eternal", in: cache) == nil)
        let byDefault = try makeCache(jitter: 50, defaultTTL: .seconds(100))
        try byDefault.mput(["a": 1])
        #expect((50 * second..<100 * second).contains(left("a", in: byDefault)!))
    }

    /// A source's time to live is spread; an expiry by the time of day is kept to, however the lines come.
    @Test func keepsToAnExpiry() async throws {
        func lines(expiry: Int) -> String {
            """
            {"key":"ttl","value":1,"ttl":100}
            {"key":"expiry","value":1,"expires_at":\(expiry)}
            """
        }
        let cache = try makeCache(jitter: 50)
        var loader = NDJSONLoader(cache: cache, limits: .ofStore)
        Array(lines(expiry: 1_700_000_100).utf8).withUnsafeBytes { loader.consume($0) }
        #expect(loader.finish().loaded == 2)
        #expect(left("expiry", in: cache) == 100 * second)
        // A file is read by the machine's time of day.
        let file = try TemporaryFile(lines(expiry: Int(CacheClock.monotonic.wallClock() / second) + 1000))
        let warmed = try makeCache(jitter: 50)
        #expect(try await warmed.warm(from: NDJSONFile(path: file.path)).loaded == 2)
        #expect((900 * second...1000 * second).contains(left("expiry", in: warmed)!))
        for cache in [cache, warmed] { #expect((50 * second..<100 * second).contains(left("ttl", in: cache)!)) }
        #expect(left("ttl", in: cache) == left("ttl", in: warmed))
    }

    @Test(arguments: [-1, 101])
    func refusesWhatIsNoPercentage(percent: Int) {
        let error = #expect(throws: CacheError.self) { try makeCache(jitter: percent) }
        #expect(error?.code == .invalidConfiguration && error?.message.contains("ttlJitter is \(percent)") == true)
    }
}
