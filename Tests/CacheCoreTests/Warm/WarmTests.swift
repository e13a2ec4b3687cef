import TestSupport
import Testing

@testable import CacheCore

@Suite struct WarmTests {
    private let clock = ManualClock()

    private func makeCache(capacity: Int? = nil, defaultTTL: Duration? = nil) throws -> ProductionCache {
        try ProductionCache(
            CacheConfiguration(capacity: capacity, defaultTTL: defaultTTL, eviction: .lru, clock: .manual(clock)))
    }

    private func item(_ number: Int, ttl: Duration? = nil) -> CacheItem {
        CacheItem(key: "key-\(number)", json: Array("\(number)".utf8), ttl: ttl)
    }

    @Test func itemsAreMadeFromJSONOrValues() throws {
        let plain = CacheItem(key: "a", json: Array("1".utf8))
        #expect(plain.key == "a" && plain.json == Array("1".utf8) && plain.ttl == nil)
        let encoded = try CacheItem(key: "b", encoding: ["x": [1, 2]], ttl: .seconds(1))
        #expect(encoded.json == Array("{\"x\":[1,2]}".utf8) && encoded.ttl == .seconds(1))
        #expect(throws: EncodingError.self) { try CacheItem(key: "c", encoding: Double.nan) }
    }

    @Test func loadsFromASequence() throws {
        let cache = try makeCache()
        let report = cache.warm(from: (0..<1000).map { item($0) })
        #expect(report == WarmReport(loaded: 1000))
        #expect(try cache.get("key-999") == 999)
        #expect(cache.getStats().currentSize == 1000 && cache.getStats().puts == 1000)
    }

    @Test func loadsFromAnAsynchronousSequence() async throws {
        let cache = try makeCache()
        let source = AsyncStream<CacheItem> { continuation in
            for number in 0..<600 { continuation.yield(item(number)) }
            continuation.finish()
        }
        let report = try await cache.warm(from: source)
        #expect(report.loaded == 600 && report.failed == 0)
        #expect(cache.getStats().currentSize == 600)
    }

    /// What is refused is told by its number; the rest loads.
    @Test func refusedItemsAreReported() throws {
        let cache = try makeCache()
        let items = [
            item(1), CacheItem(key: "", json: Array("1".utf8)), CacheItem(key: "bad", json: Array("{".utf8)),
            CacheItem(key: "ttl", json: Array("1".utf8), ttl: .zero),
            CacheItem(key: String(repeating: "k", count: 65_536), json: Array("1".utf8)), item(2),
        ]
        let report = cache.warm(from: items)
        #expect(report.loaded == 2 && report.failed == 4 && report.expired == 0)
        #expect(report.errors.map(\.line) == [2, 3, 4, 5])
        #expect(report.errors.map(\.code) == [.invalidKey, .invalidJSON, .invalidTTL, .keyTooLong])
        #expect(report.errors.allSatisfy { !$0.detail.isEmpty })
        #expect(cache.getStats().currentSize == 2)
    }

    @Test func errorsAreBounded() throws {
        let cache = try makeCache()
        let report = cache.warm(from: (0..<1000).map { _ in CacheItem(key: "", json: []) })
        #expect(report.failed == 1000 && report.loaded == 0)
        #expect(report.errors.count == WarmReport.maximumErrors)
        #expect(report.errors.last?.line == 100)
    }

    /// What a source gave before it failed is in the cache, however little it was.
    @Test(arguments: [0, 1, 255, 256, 300])
    func whatCameBeforeASourceFailedStays(count: Int) async throws {
        struct Failure: Error {}
        let cache = try makeCache()
        let source = AsyncThrowingStream<CacheItem, any Error> { continuation in
            for number in 0..<count { continuation.yield(item(number)) }
            continuation.finish(throwing: Failure())
        }
        await #expect(throws: Failure.self) { try await cache.warm(from: source) }
        #expect(cache.getStats().currentSize == count)
    }

    @Test func timesToLiveApply() throws {
        let cache = try makeCache(defaultTTL: .seconds(5))
        _ = cache.warm(from: [item(1), item(2, ttl: .seconds(1))])
        clock.advance(by: .seconds(1))
        #expect(cache.getJSON("key-1") != nil && cache.getJSON("key-2") == nil)
        clock.advance(by: .seconds(4))
        #expect(cache.getJSON("key-1") == nil)
    }

    @Test func theEarlierMakeRoomForTheLater() throws {
        let cache = try makeCache(capacity: 100)
        #expect(cache.warm(from: (0..<1000).map { item($0) }).loaded == 1000)
        #expect(Set(try cache.mget((0..<1000).map { "key-\($0)" }, as: Int.self).values) == Set(900..<1000))
    }
}
