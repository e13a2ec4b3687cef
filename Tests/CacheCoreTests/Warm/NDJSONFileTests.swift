import Foundation
import Testing

@testable import CacheCore

/// A file that is gone when the test is.
final class TemporaryFile {
    let path: String

    init(_ content: Data) throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("cache-core-tests-\(UUID().uuidString)")
        try content.write(to: url)
        path = url.path
    }

    convenience init(_ content: String) throws { try self.init(Data(content.utf8)) }

    deinit { unlink(path) }
}

@Suite struct NDJSONFileTests {
    private func items(_ file: TemporaryFile) async throws -> [CacheItem] {
        var items: [CacheItem] = []
        for try await item in NDJSONFile(path: file.path) { items.append(item) }
        return items
    }

    @Test func anItemALine() async throws {
        let file = try TemporaryFile(
            """
            {"key":"a","value":[ 1 ]}

            {"key":"b\\u0000","value":2,"ttl":5}
            """)
        let items = try await items(file)
        #expect(items.map(\.key) == ["a", "b\0"])
        #expect(items.map { String(decoding: $0.json, as: UTF8.self) } == ["[ 1 ]", "2"])
        #expect(items.map(\.ttl) == [nil, .seconds(5)])
        #expect(items.map(\.line) == [1, 3])
        #expect(items.allSatisfy { $0.fault == nil && !$0.isExpired })
    }

    @Test func anEmptyFileHasNoItems() async throws {
        #expect(try await items(TemporaryFile("")).isEmpty)
        #expect(try await items(TemporaryFile("\n \n")).isEmpty)
    }

    @Test func aFileThatIsNotThereThrows() async throws {
        let cache = try ProductionCache(capacity: 1)
        for path in ["/nowhere/at all.ndjson", "/", "\0"] {
            let error = await #expect(throws: CacheError.self) { try await cache.warm(from: NDJSONFile(path: path)) }
            #expect(error?.code == .unreadableSource)
            #expect(error?.message.isEmpty == false)
        }
    }

    @Test func iterationStaysAtTheEnd() async throws {
        let file = try TemporaryFile("{\"key\":\"a\",\"value\":1}")
        var iterator = NDJSONFile(path: file.path).makeAsyncIterator()
        #expect(try await iterator.next()?.key == "a")
        for _ in 0..<3 { #expect(try await iterator.next() == nil) }
    }

    /// Larger than a piece that is read at once, with lines across the cuts, and one of several pieces.
    @Test func filesOfManyPieces() async throws {
        var content = ""
        for number in 0..<20_000 { content += "{\"key\":\"key-\(number)\",\"value\":\"value \(number)\"}\n" }
        content += "{\"key\":\"long\",\"value\":\"\(String(repeating: "v", count: 1_000_000))\"}\n"
        content += "{\"key\":\"last\",\"value\":1}"
        let file = try TemporaryFile(content)
        let cache = try ProductionCache(CacheConfiguration(clock: .manual(ManualClock())))
        let report = try await cache.warm(from: NDJSONFile(path: file.path))
        #expect(report.loaded == 20_002 && report.failed == 0, "\(report.errors.prefix(3))")
        #expect(try cache.get("key-12345") == "value 12345")
        #expect(cache.getJSON("long")?.count == 1_000_002)
        #expect(cache.getJSON("last") == Array("1".utf8))
    }

    @Test func faultsAreReportedWithTheirLines() async throws {
        let now = Int(Date.now.timeIntervalSince1970)
        let file = try TemporaryFile(
            """
            {"key":"a","value":1}
            {"key":"b","value":
            {"key":"c"}
            {"key":"gone","value":1,"expires_at":\(now - 10)}
            {"key":"d","value":2,"expires_at":\(now + 1000)}
            \u{FEFF}{"key":"e","value":1}

            {"key":"f","value":3,"ttl":1e9}
            """)
        let cache = try ProductionCache(CacheConfiguration(clock: .manual(ManualClock())))
        let report = try await cache.warm(from: NDJSONFile(path: file.path))
        #expect(report.loaded == 2 && report.expired == 1 && report.failed == 4)
        #expect(report.errors.map(\.line) == [2, 3, 6, 8])
        #expect(report.errors.map(\.code) == [.invalidJSON, .invalidBody, .invalidJSON, .invalidTTL])
        let listed = try cache.keys()
        #expect(Set(listed.keys.map(\.key)) == ["a", "d"])
        let left = try #require(listed.keys.first { $0.key == "d" }?.ttl)
        #expect(left > .seconds(900) && left <= .seconds(1000))
    }
}
