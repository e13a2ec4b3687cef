import TestSupport
import Testing

@testable import CacheCore

@Suite struct NDJSONLoaderTests {
    private let clock = ManualClock(secondsSince1970: 1_700_000_000)
    private let cache: ProductionCache

    init() throws {
        cache = try ProductionCache(
            CacheConfiguration(memoryLimit: 8 << 20, defaultTTL: .seconds(1000), clock: .manual(clock)))
    }

    private static let limits = EntryLimits(maxKeyBytes: 10, maxValueBytes: 100)

    private func load(_ text: String, pieces: Int = .max, limits: EntryLimits = Self.limits) -> WarmReport {
        var loader = NDJSONLoader(cache: cache, limits: limits)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(pieces))
            piece.withUnsafeBytes { loader.consume($0) }
            rest = rest.dropFirst(piece.count)
        }
        return loader.finish()
    }

    /// Good, bad, empty and expired lines together, whatever the pieces.
    @Test(arguments: [1, 2, 7, 63, 64, 65, 100, Int.max])
    func reportsEveryLine(pieceCount: Int) throws {
        let text = """
            {"key":"a","value":[ 1 ]}

            {"key":"b","value":2,"ttl":5}
            nonsense
            {"key":"c","value":3,"expires_at":1700000002}\r
            {"key":"d","value":4,"expires_at":1699999999}
            {"key":"","value":5}
            {"key":"eleven-byte","value":5}
            {"key":"e","value":"\(String(repeating: "v", count: 99))"}
               \t
            {"key":"f","value":6,"ttl":0}
            {"key":"g","value":7,"unknown":1}
            \(String(repeating: "x", count: 5000))
            {"key":"a","value":8}
            {"key":"h","value":9}
            """
        let report = load(text, pieces: pieceCount)
        #expect(report.loaded == 5)
        #expect(report.expired == 1)
        #expect(report.failed == 7)
        #expect(report.errors.map(\.line) == [4, 7, 8, 9, 11, 12, 13])
        #expect(
            report.errors.map(\.code) == [
                .invalidJSON, .invalidKey, .keyTooLong, .valueTooLarge, .invalidTTL, .invalidBody, .valueTooLarge,
            ])
        #expect(report.errors.allSatisfy { !$0.detail.isEmpty })
        #expect(report.duration == .zero, "the clock stood still")
        #expect(try cache.mget(["b", "c", "h"], as: Int.self) == ["b": 2, "c": 3, "h": 9])
        #expect(cache.getJSON("a") == Array("8".utf8), "the later line stays")
        #expect(cache.getJSON("d") == nil)
        clock.advance(by: .seconds(2))
        #expect(cache.getJSON("c") == nil)
        clock.advance(by: .seconds(3))
        #expect(cache.getJSON("b") == nil)
        clock.advance(by: .seconds(994))
        #expect(cache.getJSON("h") != nil)
        clock.advance(by: .seconds(1))
        #expect(cache.getJSON("h") == nil, "the default time to live")
    }

    @Test func nothingIsNothing() {
        #expect(load("") == WarmReport())
        #expect(load("\n\n  \n") == WarmReport())
        #expect(cache.getStats().puts == 0)
    }

    /// Many more lines than a batch has, in pieces that cut lines anywhere.
    @Test func loadsManyBatches() throws {
        let text = (0..<3000).map { "{\"key\":\"\($0)\",\"value\":\($0)}\n" }.joined()
        let report = load(text, pieces: 1009)
        #expect(report.loaded == 3000 && report.failed == 0)
        #expect(cache.getStats().currentSize == 3000)
        #expect(try cache.get("2999") == 2999)
        #expect(try cache.get("255") == 255)
        #expect(try cache.get("256") == 256)
        audit(cache)
    }

    /// All failures are counted, the first hundred are told.
    @Test func errorsAreBounded() {
        let report = load(String(repeating: "bad\n", count: 250) + "{\"key\":\"a\",\"value\":1}\n")
        #expect(report.failed == 250 && report.loaded == 1)
        #expect(report.errors.count == WarmReport.maximumErrors)
        #expect(report.errors.map(\.line) == Array(1...100))
    }

    /// A value of which the cache cannot hold a single one is refused, and the rest loads.
    @Test func anEntryThatCannotFitIsReported() throws {
        let cache = try ProductionCache(CacheConfiguration(memoryLimit: 64 << 10, clock: .manual(clock)))
        var loader = NDJSONLoader(cache: cache, limits: .ofStore)
        let large = "{\"key\":\"large\",\"value\":\"\(String(repeating: "v", count: 70_000))\"}\n"
        let text = "{\"key\":\"a\",\"value\":1}\n\(large){\"key\":\"b\",\"value\":2}\n"
        Array(text.utf8).withUnsafeBytes { loader.consume($0) }
        let report = loader.finish()
        #expect(report.loaded == 2 && report.failed == 1)
        #expect(report.errors.map(\.line) == [2] && report.errors.map(\.code) == [.insufficientStorage])
        #expect(cache.getStats().currentSize == 2)
    }

    /// More than fits: the earlier ones make room, none is lost from the count.
    @Test func loadsMoreThanFits() throws {
        let cache = try ProductionCache(CacheConfiguration(capacity: 100, eviction: .lru, clock: .manual(clock)))
        var loader = NDJSONLoader(cache: cache, limits: Self.limits)
        let text = (0..<1000).map { "{\"key\":\"\($0)\",\"value\":\($0)}\n" }.joined()
        Array(text.utf8).withUnsafeBytes { loader.consume($0) }
        #expect(loader.finish().loaded == 1000)
        #expect(Set(try cache.mget((0..<1000).map(String.init), as: Int.self).values) == Set(900..<1000))
    }

    /// A long value in small pieces takes time in proportion to its length, not to its square: what has arrived is not copied
    /// again with each piece. Counted in this thread's own processor time, which others on the machine don't add to.
    @Test func aLongLineInManyPiecesIsLinear() {
        let times = [8000, 32_000].map { count in
            var loader = NDJSONLoader(cache: cache, limits: EntryLimits(maxKeyBytes: 10, maxValueBytes: 8 << 20))
            let piece = [UInt8](repeating: UInt8(ascii: "v"), count: 64)
            let begin = threadProcessorTime()
            Array("{\"key\":\"long\",\"value\":\"".utf8).withUnsafeBytes { loader.consume($0) }
            for _ in 0..<count { piece.withUnsafeBytes { loader.consume($0) } }
            Array("\"}\n".utf8).withUnsafeBytes { loader.consume($0) }
            #expect(loader.finish().loaded == 1)
            #expect(cache.getJSON("long")?.count == count * 64 + 2)
            return threadProcessorTime() - begin
        }
        #expect(times[1] < times[0] * 8, "four times the bytes took \(times[1] / times[0]) times as long")
    }
}
