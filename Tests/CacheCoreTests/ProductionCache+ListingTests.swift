import TestSupport
import Testing

@testable import CacheCore

@Suite struct ProductionCacheListingTests {
    private let clock = ManualClock(secondsSince1970: 1000)

    private func makeCache(shardCount: Int = 1) throws -> ProductionCache {
        var configuration = CacheConfiguration(clock: .manual(clock))
        configuration.shardCount = shardCount
        return try ProductionCache(configuration)
    }

    private func all(_ cache: ProductionCache, prefix: String = "", limit: Int = 7) throws -> [ProductionCache.KeyInfo]
    {
        var found: [ProductionCache.KeyInfo] = []
        var cursor: ListingCursor?
        repeat {
            let page = try cache.keys(prefix: prefix, limit: limit, after: cursor)
            #expect(page.keys.count <= limit)
            found += page.keys
            cursor = page.cursor
        } while cursor != nil
        return found
    }

    @Test func listsNothingOfAnEmptyCache() throws {
        for shardCount in [1, 64] { #expect(try all(makeCache(shardCount: shardCount)).isEmpty) }
    }

    @Test func tellsTimeLeftAndSize() throws {
        let cache = try makeCache()
        try cache.putJSON("é\0", "[ 1 ]".utf8, ttl: .seconds(10))
        clock.advance(by: .seconds(4))
        #expect(try all(cache) == [.init(key: "é\0", ttl: .seconds(6), size: 3)])
        try cache.putJSON("é\0", "null".utf8)
        #expect(try all(cache) == [.init(key: "é\0", ttl: nil, size: 4)])
        // It is a look, not a request.
        #expect(cache.getStats().totalRequests == 0)
    }

    @Test func passesOverExpiredEntries() throws {
        let cache = try makeCache()
        try cache.putJSON("a", "1".utf8, ttl: .nanoseconds(5))
        clock.advance(by: .nanoseconds(5))
        #expect(try all(cache).isEmpty)
    }

    /// Every key once, for any size of page, number of shards and prefix.
    @Test(arguments: [1, 2, 64], [1, 2, 10, 99, 100, 101, 1000])
    func listsEveryKeyOnce(shardCount: Int, limit: Int) throws {
        let cache = try makeCache(shardCount: shardCount)
        for number in 0..<100 { try cache.putJSON("\(number % 3):\(number)", "1".utf8) }
        let keys = try all(cache, limit: limit).map(\.key)
        #expect(keys.count == 100 && Set(keys).count == 100)
        #expect(
            Set(try all(cache, prefix: "1:", limit: limit).map(\.key))
                == Set((0..<100).filter { $0 % 3 == 1 }.map { "1:\($0)" }))
        #expect(
            try all(cache, prefix: "1:7", limit: limit).map(\.key).sorted() == ["1:7", "1:70", "1:73", "1:76", "1:79"])
        #expect(try all(cache, prefix: "none", limit: limit).isEmpty)
    }

    /// A page looks at a bounded number of entries, so it may hold none and not be the last.
    @Test func aPageEndsThoughNothingMatches() throws {
        let cache = try makeCache()
        for number in 0..<2000 { try cache.putJSON("key-\(number)", "1".utf8) }
        try cache.putJSON("wanted", "1".utf8)
        var start: UInt64 = 0
        var found = 0
        var steps = 0
        while true {
            steps += 1
            try #require(steps < 1000)
            let next = withUTF8(of: "wanted") { prefix in
                cache.store.scan(prefix: prefix, from: start, limit: 10, slots: 50) { _, _ in found += 1 }
            }
            guard let next else { break }
            #expect(next > start)
            start = next
        }
        #expect(found == 1)
        #expect(steps >= 2000 / 50)
    }

    // MARK: Cursors

    @Test func aCursorIsTextAndBack() throws {
        let cache = try makeCache()
        for number in 0..<50 { try cache.putJSON("key-\(number)", "1".utf8) }
        let cursor = try #require(try cache.keys(limit: 10).cursor)
        #expect(cursor.description.utf8.count == 24)
        #expect(ListingCursor(cursor.description) == cursor)
        #expect(ListingCursor(cursor.description.uppercased()) == cursor)
        #expect(ListingCursor(process: .max, hash: .max).description == String(repeating: "f", count: 24))
        #expect(ListingCursor(process: 0, hash: 1).description == String(repeating: "0", count: 23) + "1")
    }

    @Test(arguments: [
        "", "0", String(repeating: "0", count: 23), String(repeating: "0", count: 25),
        String(repeating: "g", count: 24),
        "+" + String(repeating: "0", count: 23), "-" + String(repeating: "0", count: 23),
        String(repeating: "é", count: 12),
        "00000000+000000000000000", "00000000 00000000000000a", String(repeating: "\u{10}", count: 24),
        String(repeating: "\r\n", count: 12),
        "0000000000000000000000:0", "0x0000000000000000000000",
    ])
    func noCursorHasThisText(text: String) {
        #expect(ListingCursor(text) == nil)
    }

    @Test func aCursorOfAnotherProcessIsRefused() throws {
        let cache = try makeCache()
        let foreign = ListingCursor(process: cache.store.hasher.identity &+ 1, hash: 0)
        let error = #expect(throws: CacheError.self) { try cache.keys(after: foreign) }
        #expect(error?.code == .invalidCursor)
    }

    /// Anyone can make up a cursor; whatever it says, the listing goes on from somewhere and ends.
    @Test(arguments: [1, 8, 1024])
    func madeUpCursorsAreHarmless(shardCount: Int) throws {
        let cache = try makeCache(shardCount: shardCount)
        for number in 0..<200 { try cache.putJSON("key-\(number)", "1".utf8) }
        var random = TestSeed.generator()
        for hash in [0, 1, .max, .max - 1, 1 << 63, 1 << 63 - 1] + (0..<50).map({ _ in random.next() }) as [UInt64] {
            let hashes = (0..<200).map { number in withUTF8(of: "key-\(number)") { cache.store.hasher.hash($0) } }
            var found = 0
            var cursor: ListingCursor? = ListingCursor(process: cache.store.hasher.identity, hash: hash)
            while let current = cursor {
                let page = try cache.keys(limit: 3, after: current)
                found += page.keys.count
                if let next = page.cursor { try #require(next.hash > current.hash) }
                cursor = page.cursor
            }
            #expect(found == hashes.count { $0 >= hash })
        }
    }

    // MARK: Export

    private func export(_ cache: ProductionCache, prefix: String = "", byteCount: Int) throws -> (
        lines: [String], calls: Int
    ) {
        var text: [UInt8] = []
        var cursor: ListingCursor?
        var calls = 0
        repeat {
            calls += 1
            cursor = try withUTF8(of: prefix) { (prefix) throws(CacheError) in
                try cache.appendExport(to: &text, prefix: prefix, after: cursor, byteCount: byteCount)
            }
        } while cursor != nil
        #expect(text.isEmpty || text.last == UInt8(ascii: "\n"))
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .dropLast()
        return (lines.map(String.init), calls)
    }

    @Test func exportsALineAnEntry() throws {
        let cache = try makeCache()
        try cache.putJSON("plain", "[ 1 ]".utf8)
        try cache.putJSON("q\"\\\n\u{1}é", "\"v\\n\"".utf8, ttl: .milliseconds(2500))
        try cache.putJSON("gone", "1".utf8, ttl: .nanoseconds(1))
        clock.advance(by: .seconds(1))
        #expect(
            try export(cache, byteCount: 1000).lines.sorted() == [
                "{\"key\":\"plain\",\"value\":[1]}",
                "{\"key\":\"q\\\"\\\\\\n\\u0001é\",\"value\":\"v\\n\",\"expires_at\":1002.5}",
            ])
        #expect(try export(cache, prefix: "pl", byteCount: 1000).lines.count == 1)
    }

    @Test(arguments: [1, 8])
    func exportsInPieces(shardCount: Int) throws {
        let cache = try makeCache(shardCount: shardCount)
        for number in 0..<1000 { try cache.putJSON("key-\(number)", "\(number)".utf8) }
        for byteCount in [1, 1000, 10_000, 1 << 20] {
            let (lines, calls) = try export(cache, byteCount: byteCount)
            #expect(lines.count == 1000 && Set(lines).count == 1000)
            #expect(calls >= min(1000 / 64, 28_000 / (byteCount + 64 * 30)))
        }
        audit(cache)
    }

    /// What one cache exports, another reads: the same keys, the same bytes, the same expiries to a microsecond.
    @Test func anExportCanBeLoaded() throws {
        var random = TestSeed.generator()
        let pieces = ["\"", "\\", "\n", "\0", "é", "😀", "/"]
        let cache = try makeCache(shardCount: 4)
        for number in 0..<500 {
            let key = "\(number)-" + (0..<random.below(6)).map { _ in random.element(of: pieces) }.joined()
            let ttl: Duration? = random.oneIn(2) ? .milliseconds(1 + random.below(100_000)) : nil
            try cache.putJSON(key, "[\(number), {\"k\": \"\\u00e9\\ud83d\"}, 1e400]".utf8, ttl: ttl)
        }
        let copy = try makeCache()
        var loader = NDJSONLoader(cache: copy, limits: .ofStore)
        let text = Array((try export(cache, byteCount: 500).lines.joined(separator: "\n") + "\n").utf8)
        text.withUnsafeBytes { loader.consume($0) }
        let report = loader.finish()
        #expect(report.failed == 0 && report.loaded == 500, "\(report)")
        let originals = try all(cache).sorted { $0.key < $1.key }
        let copies = try all(copy).sorted { $0.key < $1.key }
        #expect(originals.map(\.key) == copies.map(\.key))
        for (original, copied) in zip(originals, copies) {
            #expect(cache.getJSON(original.key) == copy.getJSON(copied.key))
            let drift = (original.ttl ?? .zero) - (copied.ttl ?? .zero)
            #expect((original.ttl == nil) == (copied.ttl == nil))
            #expect(drift > .microseconds(-1) && drift < .microseconds(1), "\(original) became \(copied)")
        }
    }
}
