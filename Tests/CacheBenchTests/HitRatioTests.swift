import CacheCore
import Foundation
import Testing

@testable import cache_bench

@Suite struct HitRatioTests {
    private func write(_ text: String) throws -> (path: String, directory: TemporaryDirectory) {
        let directory = try TemporaryDirectory()
        let path = directory.url.appendingPathComponent("loop.txt").path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return (path, directory)
    }

    @Test func readsAKeyALine() throws {
        let (path, directory) = try write("1\n\n2 b\r\n\r\n3")
        defer { directory.remove() }
        #expect(Array(try TraceFile(path: path)) == ["1", "2 b", "3"])
        #expect(throws: BenchmarkError.self) { try TraceFile(path: path + ".none") }
    }

    @Test func linesThatCrossAPieceAreWhole() throws {
        let keys = (0..<200_000).map { "key-\($0)" }
        let (path, directory) = try write(keys.joined(separator: "\n") + "\n")
        defer { directory.remove() }
        #expect(Array(try TraceFile(path: path)) == keys)
    }

    /// Worked out by hand: 4 takes the room of 2, 2 of 3, 5 of 1, and so on.
    @Test func replaysATrace() throws {
        let cache = try ProductionCache(CacheConfiguration(capacity: 3, eviction: .lru))
        let replay = try Replay(of: ["1", "2", "3", "1", "4", "2", "5", "1", "1"], through: cache)
        #expect(replay.requests == 9 && replay.hits == 2)
        #expect(
            HitRatioResult(trace: "t", policy: "lru", capacity: 3, replay: replay).json
                == #"{"trace":"t","policy":"lru","capacity":3,"requests":9,"hits":2,"hit_ratio":0.222222}"#)
    }

    /// Bytes are counted by the sizes of what was asked for; what is larger than the cache is never held.
    @Test func replaysATraceWithSizes() throws {
        let cache = try ProductionCache(CacheConfiguration(memoryLimit: 1 << 20, eviction: .lru))
        let lines = ["a,100", "b,5000", "a,100", "huge,2000000", "huge,2000000", "b,5000", "c", "d,x"]
        let replay = try Replay(ofSized: lines.map(SizedRequest.init), through: cache)
        #expect(replay.requests == 8 && replay.hits == 2)
        #expect(replay.bytes == 4_010_202 && replay.hitBytes == 5100)
        #expect(
            HitRatioResult(trace: "t", policy: "lru", capacity: nil, maxMemory: 1 << 20, replay: replay).json
                == #"{"trace":"t","policy":"lru","max_memory":1048576,"requests":8,"hits":2,"hit_ratio":0.250000,"#
                + #""byte_hit_ratio":0.001272}"#)
    }

    @Test(arguments: [("/a/b/arc_oltp.txt", "arc_oltp"), ("loop", "loop"), ("-", "-"), ("x.txt.zst", "x.txt.zst")])
    func namesATrace(path: String, name: String) {
        #expect(TraceFile.name(ofPath: path) == name)
    }
}
