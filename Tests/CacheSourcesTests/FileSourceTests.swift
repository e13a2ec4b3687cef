import CacheCore
import Compression
import Testing

@testable import CacheSources

@Suite("Files as sources")
struct FileSourceTests {
    @Test("Lines of NDJSON, with what goes with them")
    func ndjson() throws {
        let text = """
            {"key":"a","value":{"x": 1},"ttl":60}

            nonsense
            {"key":"b","value":2,"expires_at":1}
            {"key":"c","value":[3]}
            """
        try withFile("items.ndjson", text) { path in
            let loaded = try load(path)
            #expect(loaded.report.loaded == 2)
            #expect(loaded.report.failed == 1)
            #expect(loaded.report.expired == 1)
            #expect(loaded.report.errors.map(\.line) == [3])
            #expect(loaded.value("a") == #"{"x":1}"#)
            #expect(loaded.value("c") == "[3]")
            let url = try load("file://\(path)", keyPrefix: "p:")
            #expect(url.value("p:c") == "[3]")
        }
    }

    @Test("Compressed files", arguments: [("items.ndjson.gz", CompressionFormat.gzip), ("items.ndjson.zst", .zstd)])
    func compressed(name: String, format: CompressionFormat) throws {
        let lines = (0..<5000).map { #"{"key":"k\#($0)","value":\#($0)}"# + "\n" }.joined()
        let bytes = try #require(Array(lines.utf8).withUnsafeBytes { CompressorPool.compress($0, format) })
        try withFile(name, bytes) { path in
            let loaded = try load(path)
            #expect(loaded.report.loaded == 5000)
            #expect(loaded.value("k4999") == "4999")
        }
        try withFile(name, Array(bytes.dropLast(20))) { path in
            let reason = try reason(path)
            #expect(reason?.hasPrefix("\(path): it is no whole \(format.rawValue) data: ") == true)
        }
    }

    @Test(
        "What a compressed file has is handed on in lots of bounded size, however small the file",
        arguments: [("items.ndjson.gz", CompressionFormat.gzip), ("items.ndjson.zst", .zstd)])
    func lots(name: String, format: CompressionFormat) throws {
        let value = String(repeating: "x", count: 500_000)
        let large = (0..<40).map { #"{"key":"k\#($0)","value":"\#(value)"}"# + "\n" }.joined()
        let bad = String(repeating: "x\n", count: 20_000)
        let bytes = try #require(Array((large + bad).utf8).withUnsafeBytes { CompressorPool.compress($0, format) })
        try #require(bytes.count < 256 << 10)
        try withFile(name, bytes) { path in
            var lots: [[CacheItem]] = []
            let sink = try ItemSink(keyPrefix: "", ttl: nil) { (items) throws(CancellationError) in lots.append(items) }
            var reading = SourceReading(sink, backoff: .none, isCancelled: { false }, tell: { _ in })
            try WarmSource(path).read(&reading)
            #expect(lots.map(\.count).reduce(0, +) == 20_040)
            // What is due, and one piece of what was decompressed.
            let most = lots.map { $0.map(\.json.count).reduce(0, +) }.max() ?? 0
            #expect(most < 2 << 20)
            #expect((lots.map(\.count).max() ?? 0) <= 256 + (64 << 10) / 2)
        }
    }

    @Test(
        "A compressed file of which no items come is left in its midst when no more is wanted",
        arguments: [("items.ndjson.gz", CompressionFormat.gzip), ("items.ndjson.zst", .zstd)], ["x", "\n"])
    func cancelled(file: (name: String, format: CompressionFormat), letter: String) throws {
        // 32 pieces when decompressed.
        let text = String(repeating: letter, count: 2 << 20)
        let bytes = try #require(Array(text.utf8).withUnsafeBytes { CompressorPool.compress($0, file.format) })
        // One piece of the file.
        try #require(bytes.count < 256 << 10)
        try withFile(file.name, bytes) { path in
            let sink = try ItemSink(keyPrefix: "", ttl: nil) { (_) throws(CancellationError) in }
            var asked = 0
            func isCancelled() -> Bool {
                asked += 1
                return asked >= 20
            }
            var reading = SourceReading(sink, backoff: .none, isCancelled: isCancelled, tell: { _ in })
            let source = try WarmSource(path)
            var failure: SourceFailure?
            do throws(SourceFailure) {
                try source.read(&reading)
            } catch {
                failure = error
            }
            #expect(failure == .cancelled)
            #expect(asked == 20)
        }
    }

    @Test("An object of keys and values, whatever its white space and depth")
    func object() throws {
        let text = #" { "a" : {"b":[1,{"c":"},"}]} , "d\u00e9":"x\"y", "bad": tru, "e" : [ ] ,"": 1}  "#
        try withFile("items.json", text) { path in
            let loaded = try load(path)
            #expect(loaded.report.loaded == 3)
            #expect(loaded.report.errors.map(\.line) == [3, 5])
            #expect(loaded.report.errors.map(\.code.rawValue) == ["invalid_json", "invalid_key"])
            #expect(loaded.value("a") == #"{"b":[1,{"c":"},"}]}"#)
            #expect(loaded.value("dé") == #""x\"y""#)
            #expect(loaded.value("e") == "[]")
        }
    }

    @Test(
        "What is no object of keys and values",
        arguments: [
            ("", "it is empty; it must be a JSON object of keys and values"),
            ("[1]", "it must be a JSON object of keys and values, and begins otherwise"),
            (#"{"a":1"#, "it ends in the midst of the object"),
            (#"{"a":1} {"b":2}"#, "there is more behind the object of keys and values"),
        ])
    func noObject(text: String, reason: String) throws {
        try withFile("items.json", text) { path in
            let found = try CacheSourcesTests.reason(path)
            #expect(found == "\(path): \(reason)")
        }
    }

    @Test("An object in pieces of any size is the same", arguments: [1, 2, 3, 7, 1000])
    func pieces(count: Int) throws {
        let text = Array(#"{"a":{"x":"\\\"}{"},"b" : [1,[2]],"c":"é"}"#.utf8)
        let cache = try ProductionCache(CacheConfiguration())
        var sink = ItemSink(into: cache, limits: .ofStore)
        var decoder = ObjectDecoder(limits: .ofStore)
        var rest = text[...]
        while !rest.isEmpty {
            try Array(rest.prefix(count)).withUnsafeBytes { try decoder.consume($0, into: &sink) }
            rest = rest.dropFirst(count)
        }
        try decoder.finish(into: &sink)
        let loaded = sink.finish().loaded
        #expect(loaded == 3)
        #expect(cache.getJSON("a").map { String(decoding: $0, as: UTF8.self) } == #"{"x":"\\\"}{"}"#)
    }

    @Test("A key and a value over the limits are refused, and the rest is loaded")
    func limits() throws {
        let text = #"{"long-key":1,"a":"\#(String(repeating: "x", count: 6000))","b":2}"#
        try withFile("items.json", text) { path in
            let loaded = try load(path, limits: EntryLimits(maxKeyBytes: 5, maxValueBytes: 10))
            #expect(loaded.report.loaded == 1)
            #expect(loaded.report.errors.map(\.code.rawValue) == ["key_too_long", "value_too_large"])
        }
    }

    @Test("A missing file, and a folder, are named with the reason")
    func missing() throws {
        let none = try reason("/nowhere/items.ndjson")
        #expect(none == "/nowhere/items.ndjson: cannot open /nowhere/items.ndjson: No such file or directory")
        let folder = try reason("file:///tmp")
        #expect(folder == "file:///tmp: cannot read /tmp: Is a directory")
    }

    @Test("It is a sequence of items too, which can be left early")
    func sequence() async throws {
        let lines = (0..<2000).map { #"{"key":"k\#($0)","value":\#($0),"ttl":5}"# + "\n" }.joined()
        let path = "/tmp/cache-sources-\(UInt64.random(in: 0 ... .max)).ndjson"
        try writeFile(path, lines)
        defer { removeFile(path) }
        var keys: [String] = []
        for try await item in try WarmSource(path, keyPrefix: "p:") {
            keys.append(item.key)
            #expect(item.ttl == .seconds(5))
        }
        #expect(keys == (0..<2000).map { "p:k\($0)" })
        for try await item in try WarmSource(path) where item.key == "k3" { break }
        await #expect(throws: CacheError.self) { for try await _ in try WarmSource("/nowhere") {} }
        let cache = try ProductionCache(CacheConfiguration())
        let report = try await cache.warm(from: try WarmSource(path))
        #expect(report.loaded == 2000)
    }
}
