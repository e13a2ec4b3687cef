import CacheCore
import Compression
import Synchronization
import TestSupport
import Testing

@testable import CacheSources

struct HTTPSourceTests {
    private static let lines = (0..<4000).map { "{\"key\":\"key:\($0)\",\"value\":\($0)}\n" }.joined()

    /// Serves bytes by ranges under a strong entity tag, and cuts each answer after some of them.
    private func serveCut(_ whole: [UInt8], after bytes: Int, headers: String = "") throws -> RawServer {
        try RawServer { connection, _ in
            let head = try connection.readHead()
            let range = head.first { $0.hasPrefix("Range: bytes=") }.flatMap { Int($0.dropFirst(13).dropLast()) } ?? 0
            let part =
                range == 0
                ? "200 OK" : "206 Partial\r\nContent-Range: bytes \(range)-\(whole.count - 1)/\(whole.count)"
            try connection.send(
                "HTTP/1.1 \(part)\r\nETag: \"one\"\r\nAccept-Ranges: bytes\r\nConnection: close\r\n\(headers)"
                    + "Content-Length: \(whole.count - range)\r\n\r\n")
            try connection.send(Array(whole[range...].prefix(bytes)))
        }
    }

    @Test func goesOnWhereItWasCut() throws {
        let server = try serveCut(Array(Self.lines.utf8), after: 10_001)
        defer { server.stop() }
        let loaded = try load(server.url("/items.ndjson"))
        #expect((loaded.report.loaded, loaded.report.failed) == (4000, 0))
        #expect(loaded.cache.getStats().currentSize == 4000)
        #expect(loaded.value("key:3999") == "3999")
        #expect(server.acceptedCount == Self.lines.utf8.count / 10_001 + 1)
    }

    @Test(arguments: [CompressionFormat.zstd, .gzip])
    func goesOnInTheMidstOfWhatIsCompressed(format: CompressionFormat) throws {
        let packed = Array(Self.lines.utf8).withUnsafeBytes { CompressorPool.compress($0, format) }
        let bytes = try #require(packed)
        let server = try serveCut(
            bytes, after: bytes.count / 3 + 1,
            headers: "Content-Encoding: \(format.rawValue)\r\nContent-Type: application/x-ndjson\r\n")
        defer { server.stop() }
        let loaded = try load(server.url("/items"))
        #expect((loaded.report.loaded, loaded.report.failed) == (4000, 0))
        #expect(server.acceptedCount == 3)
    }

    @Test func beginsAnewAndCountsNothingTwice() throws {
        let server = try RawServer { connection, number in
            _ = try connection.readHead()
            try connection.send(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n")
            try connection.send(number < 3 ? "{\"a\":1,\"b\"" : "{\"a\":1,\"b\":2,\"c\":3} ")
        }
        defer { server.stop() }
        let loaded = try load(server.url())
        #expect((loaded.report.loaded, loaded.report.failed) == (3, 0))
        #expect(server.acceptedCount == 4)
    }

    @Test func givesUpWhereItGetsNoFurther() throws {
        let server = try RawServer { connection, _ in
            _ = try connection.readHead()
            try connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 20\r\n\r\n{\"key\":")
        }
        defer { server.stop() }
        let url = "http://user:hidden@127.0.0.1:\(server.port)/items?token=hidden"
        let source = try WarmSource(url, headers: [("X-Key", "hidden")])
        let cache = try ProductionCache(CacheConfiguration())
        let error = try #require(throws: CacheError.self) {
            try source.load(
                into: cache, limits: .ofStore, backoff: .none, isCancelled: { false }, progress: { _ in })
        }
        #expect(error.code == .unreadableSource)
        #expect(error.message.contains("127.0.0.1:\(server.port)"))
        #expect(!error.message.contains("hidden"))
        // Once further than ever before, and then as often as there are tries.
        #expect(server.acceptedCount == Backoff().attempts)
    }

    @Test func waitsAsLongAsTheServerAsksAndNoLongerThanIsSensible() throws {
        let server = try RawServer { connection, number in
            _ = try connection.readHead()
            switch number {
            case 0: try connection.answer("", status: "429 Slow", headers: "Retry-After: 7\r\nConnection: close\r\n")
            case 1: try connection.answer("", status: "503 Busy", headers: "Retry-After: 9999\r\nConnection: close\r\n")
            default: try connection.answer("{\"a\":1}", headers: "Content-Type: application/json\r\n")
            }
        }
        defer { server.stop() }
        let slept = Mutex(Duration.zero)
        var backoff = Backoff()
        backoff.first = .zero
        backoff.now = { slept.withLock { $0 } }
        backoff.sleep = { duration in slept.withLock { $0 += duration } }
        let loaded = try load(server.url(), backoff: backoff)
        #expect(loaded.report.loaded == 1)
        #expect(slept.withLock { $0 } == .seconds(37))
    }

    @Test(arguments: [404, 401, 501])
    func whatDoesNotPassIsToldAtOnce(status: Int) throws {
        let server = try RawServer { connection, _ in
            _ = try connection.readHead()
            try connection.answer("", status: "\(status) Status")
        }
        defer { server.stop() }
        #expect(try reason(server.url("/x")) == "http://127.0.0.1:\(server.port)/x: the server answers \(status)")
        #expect(server.acceptedCount == 1)
    }

    @Test func sendsItsHeaders() throws {
        let server = try RawServer { connection, _ in
            let head = try connection.readHead()
            let isRight = head.contains("Authorization: Bearer word") && head.contains("Accept-Encoding: zstd, gzip")
            try connection.answer("{\"a\":\(isRight)}", headers: "Content-Type: application/json\r\n")
        }
        defer { server.stop() }
        let cache = try ProductionCache(CacheConfiguration())
        let source = try WarmSource(server.url(), headers: [("Authorization", "Bearer word")])
        _ = try source.load(into: cache, limits: .ofStore, backoff: .none, isCancelled: { false }, progress: { _ in })
        #expect(cache.getJSON("a").map { String(decoding: $0, as: UTF8.self) } == "true")
    }
}
