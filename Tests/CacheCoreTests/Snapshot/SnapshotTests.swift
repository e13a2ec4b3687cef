import Compression
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import CacheCore

/// Snapshots: what is written comes back, and of what is damaged, what is whole.
final class SnapshotTests {
    private let clock = ManualClock(secondsSince1970: 1_000_000)
    private let folder = FileManager.default.temporaryDirectory.appending(path: "snapshot-\(UUID())")
    private var path: String { folder.appending(path: "cache.zst").path }

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    // What cannot be removed is the system's to clear up.
    deinit { try? FileManager.default.removeItem(at: folder) }

    private func cache(
        capacity: Int? = nil, memoryLimit: Int? = nil, eviction: EvictionPolicy = .lru, clock: ManualClock? = nil,
        shardCount: Int? = nil
    ) throws -> ProductionCache {
        var configuration = CacheConfiguration(
            capacity: capacity, memoryLimit: memoryLimit, eviction: eviction, clock: .manual(clock ?? self.clock))
        configuration.shardCount = shardCount
        return try ProductionCache(configuration)
    }

    private func fill(_ cache: ProductionCache, _ count: Int, valueBytes: Int = 20) throws {
        for number in 0..<count {
            let value = "\"\(number) \(String(repeating: "v", count: valueBytes))\""
            try cache.putJSON("key:\(number)", value.utf8, ttl: number % 2 == 0 ? .seconds(100) : nil)
        }
    }

    private func restore(_ cache: ProductionCache) throws -> RestoreReport {
        try #require(try cache.restoreSnapshot(from: path))
    }

    private var file: [UInt8] {
        get throws { Array(try Data(contentsOf: URL(filePath: path))) }
    }

    private func write(_ bytes: some Collection<UInt8>) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }

    private var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    }

    /// Fills some frames, and returns the snapshot's bytes.
    private func writeMany(_ cache: ProductionCache) throws -> [UInt8] {
        try fill(cache, Self.many, valueBytes: 400)
        try cache.writeSnapshot(to: path)
        return try file
    }

    /// As many as fill some frames.
    private static let many = 10_000

    // MARK: Older than what is there

    @Test func whatIsThereStays() throws {
        let cache = try cache()
        for key in ["a", "b", "c"] { try cache.putJSON(key, "\"old\"".utf8) }
        try cache.writeSnapshot(to: path)
        let other = try self.cache()
        try other.putJSON("a", "\"new\"".utf8)
        try other.putJSON("b", "\"short\"".utf8, ttl: .seconds(1))
        clock.advance(by: .seconds(2))
        let report = try restore(other)
        // What had expired before the restoring began is no newer value.
        #expect((report.loaded, report.superseded) == (2, 1))
        #expect(try other.mget(["a", "b", "c"], as: String.self) == ["a": "new", "b": "old", "c": "old"])
    }

    @Test(arguments: [1, 8])
    func whatIsChangedMeanwhileStays(shardCount: Int) throws {
        let keys = ["deleted", "bulk", "replaced", "short", "moved", "prefix:1", "prefix:2", "tagged", "kept"]
        let cache = try cache()
        for key in keys {
            try cache.putJSON(key, "\"old\"".utf8, tags: key == "tagged" || key == "prefix:2" ? ["t"] : [])
        }
        try cache.writeSnapshot(to: path)
        let other = try self.cache(shardCount: shardCount)
        other.beginRestore()
        other.delete("deleted")
        #expect(try other.mdelete(["bulk", "nothing"]) == 0)
        try other.putJSON("replaced", "\"new\"".utf8)
        try other.putJSON("short", "\"new\"".utf8, ttl: .seconds(1))
        try other.putJSON("moved", "1".utf8)
        other.delete("moved")
        other.deleteAll(prefix: "prefix:1")
        other.deleteAll(tag: "t")
        clock.advance(by: .seconds(2))
        let report = try restore(other)
        other.endRestore()
        #expect((report.loaded, report.superseded) == (1, 8))
        #expect(try other.mget(keys, as: String.self) == ["replaced": "new", "kept": "old"])
        // It is over: nothing is noted any more.
        other.delete("kept")
        #expect(try restore(other).loaded == 8)
        #expect(try other.get("kept", as: String.self) == "old")
    }

    @Test func nothingComesBackBehindAClear() throws {
        let cache = try cache()
        try fill(cache, 1000)
        try cache.writeSnapshot(to: path)
        let other = try self.cache()
        other.beginRestore()
        other.deleteAll()
        #expect(try restore(other).superseded == 1000)
        #expect(other.getStats().currentSize == 0)
    }

    /// As many as are not known one by one any more.
    @Test func moreChangesThanAreKnownLoseWhatIsOldAlone() throws {
        let cache = try cache(shardCount: 1024)
        try fill(cache, 2000)
        try cache.writeSnapshot(to: path)
        let other = try self.cache(shardCount: 1024)
        other.beginRestore()
        for number in 0..<1_100_000 { other.delete("absent:\(number)") }
        for number in 0..<1000 { other.delete("key:\(number)") }
        let report = try restore(other)
        #expect(report.superseded >= 1000)
        for number in 0..<1000 { #expect(try other.get("key:\(number)", as: String.self) == nil) }
    }

    /// Each key that a thread has seen in one state is never seen in an older one.
    @Test func nothingIsUndoneByWhatIsRestoredAtTheSameTime() throws {
        let cache = try cache()
        let count = 20_000
        for number in 0..<count { try cache.putJSON("key:\(number)", "0".utf8) }
        try cache.writeSnapshot(to: path)
        let other = try self.cache()
        other.beginRestore()
        let path = path
        let restore = ThreadRun(1)
        restore.start { _ in _ = try other.restoreSnapshot(from: path) }
        for number in 0..<count {
            if number % 2 == 0 {
                other.delete("key:\(number)")
            } else {
                try other.putJSON("key:\(number)", "1".utf8)
            }
        }
        try restore.join()
        other.endRestore()
        for number in 0..<count {
            #expect(try other.get("key:\(number)", as: Int.self) == (number % 2 == 0 ? nil : 1))
        }
    }

    // MARK: Larger than the cache

    /// Fills a cache, and uses its keys in another order than that in which they were put.
    ///
    /// - Returns: The keys' numbers, the one that was used last at the end.
    private func writeInOrderOfUse(_ count: Int) throws -> [Int] {
        let cache = try cache()
        try fill(cache, count, valueBytes: 400)
        // The frames are many, and what was used last is all over them if they are not in order.
        let order = (0..<count).map { $0 * 7919 % count }
        for number in order { _ = cache.getJSON("key:\(number)") }
        try cache.writeSnapshot(to: path)
        return order
    }

    private func numbers(in cache: ProductionCache, of count: Int) -> [Int] {
        (0..<count).filter { cache.getJSON("key:\($0)") != nil }
    }

    @Test(arguments: [(10, 1), (1000, 1), (8000, 1), (8000, 8)])
    func whatWasUsedLastStaysWhereNotAllHasRoom(capacity: Int, shardCount: Int) throws {
        let count = 12_000
        let order = try writeInOrderOfUse(count)
        let small = try cache(capacity: capacity, shardCount: shardCount)
        #expect(try restore(small).loaded == count)
        // It is in order there too: what was used first of that goes for what comes.
        try small.putJSON("new", "1".utf8)
        #expect(numbers(in: small, of: count) == order.suffix(capacity - 1).sorted())
    }

    @Test(arguments: [1, 4])
    func whatWasUsedLastStaysWhereMemoryIsShort(shardCount: Int) throws {
        let count = 12_000
        let order = try writeInOrderOfUse(count)
        let small = try cache(memoryLimit: 4 << 20, shardCount: shardCount)
        #expect(try restore(small).loaded == count)
        let kept = numbers(in: small, of: count)
        #expect((count / 4..<count).contains(kept.count))
        #expect(kept == order.suffix(kept.count).sorted())
    }

    /// With any policy, as nothing tells it what of a snapshot is worth more than that it comes last.
    @Test(arguments: EvictionPolicy.allCases)
    func manyOfTheLastStay(policy: EvictionPolicy) throws {
        let count = 12_000
        let order = try writeInOrderOfUse(count)
        let small = try cache(capacity: 4000, eviction: policy, shardCount: 4)
        _ = try restore(small)
        let last = Set(order.suffix(4000))
        let kept = numbers(in: small, of: count)
        #expect(kept.count == 4000)
        let share = Double(kept.filter { last.contains($0) }.count) / 4000
        #expect(share >= (policy == .lru ? 1 : 0.9), "\(share)")
    }

    // MARK: What is no snapshot

    @Test func aFolderIsLeftAlone() throws {
        let cache = try cache()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(throws: CacheError.self) { _ = try cache.restoreSnapshot(from: path) }
        #expect(throws: CacheError.self) { try cache.writeSnapshot(to: path) }
        #expect(try names == ["cache.zst"])
    }

    /// What it says is in the error, and the file is left alone: it may be a good one.
    @Test(arguments: [
        // A file whose first byte cannot be read, and one that cannot be opened, whoever asks.
        ("/proc/self/mem", "Input/output error"), ("cache.zst", "Too many levels of symbolic links"),
    ])
    func whatCannotBeReadIsLeftAlone(target: String, reason: String) throws {
        let cache = try cache()
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        let error = #expect(throws: CacheError.self) { _ = try cache.restoreSnapshot(from: path) }
        #expect(error?.code == .unreadableSource)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "none")")
        #expect(try names == ["cache.zst"])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == target)
    }

    /// It would be waited for, for ever.
    @Test func aPipeIsNoSnapshot() throws {
        let cache = try cache()
        try #require(mkfifo(path, 0o600) == 0)
        #expect(throws: CacheError.self) { _ = try cache.restoreSnapshot(from: path) }
        #expect(throws: CacheError.self) { try cache.writeSnapshot(to: path) }
    }

    @Test func twoWritersDoNotMix() throws {
        let first = try FileWriter(path: path)
        try first.write([1])
        #expect(throws: CacheError.self) { _ = try FileWriter(path: path) }
        try first.write([2])
        try first.commit()
        #expect(try file == [1, 2])
        try FileWriter(path: path).commit()
        #expect(try file == [])
    }

    // MARK: Whole

    @Test(arguments: EvictionPolicy.allCases)
    func whatIsWrittenComesBack(policy: EvictionPolicy) throws {
        let cache = try cache(eviction: policy)
        try fill(cache, 20_000, valueBytes: 100)
        try cache.putJSON("tagged", "[1, 2]".utf8, tags: ["a", "b"])
        try cache.putJSON("large", ("\"" + String(repeating: "x", count: 3_000_000) + "\"").utf8)
        try cache.putJSON("odd\"\u{0}💩", "null".utf8)
        try cache.putJSON("gone", "1".utf8, ttl: .seconds(1))
        clock.advance(by: .seconds(2))
        let report = try cache.writeSnapshot(to: path)
        #expect(report.entries == 20_003)
        #expect(report.bytes == (try file.count))
        #expect(try names == ["cache.zst"])

        clock.advance(by: .seconds(48))
        let other = try self.cache(eviction: policy)
        let restored = try restore(other)
        #expect((restored.loaded, restored.failed, restored.expired) == (20_003, 0, 0))
        #expect(restored.damage == nil)
        #expect(other.getStats().currentSize == 20_003)
        for key in ["key:0", "key:19999", "tagged", "large", "odd\"\u{0}💩"] {
            #expect(other.getJSON(key) == cache.getJSON(key), "\(key)")
        }
        #expect(other.deleteAll(tag: "b") == 1)
        // The expiry is what it was.
        clock.advance(by: .seconds(49))
        #expect(other.getJSON("key:0") != nil)
        clock.advance(by: .seconds(1))
        #expect(other.getJSON("key:0") == nil)
        #expect(other.getJSON("key:1") != nil)
    }

    @Test func whatExpiredMeanwhileIsPassedOver() throws {
        let cache = try cache()
        try fill(cache, 100)
        try cache.writeSnapshot(to: path)
        clock.advance(by: .seconds(100))
        let restored = try restore(try self.cache())
        #expect((restored.loaded, restored.expired) == (50, 50))
    }

    @Test func anEmptyCacheHasASnapshotToo() throws {
        try cache().writeSnapshot(to: path)
        let restored = try restore(try cache())
        #expect(restored.damage == nil)
        #expect(restored.loaded == 0)
        #expect(try cache().restoreSnapshot(from: path + "x") == nil)
    }

    /// The least recently used go first, before the restart and after it.
    @Test func theOrderOfUsesComesBack() throws {
        let cache = try cache(capacity: 100)
        try fill(cache, 100)
        for number in stride(from: 99, through: 0, by: -3) { _ = cache.getJSON("key:\(number)") }
        try cache.writeSnapshot(to: path)
        let other = try self.cache(capacity: 100)
        #expect(try restore(other).loaded == 100)
        for number in 0..<80 {
            for cache in [cache, other] { try cache.putJSON("new:\(number)", "1".utf8) }
            let keys = try [cache, other].map { Set(try $0.keys(limit: 1000).keys.map(\.key)) }
            #expect(keys[0] == keys[1])
        }
    }

    @Test func theLinesAreAnExport() throws {
        let cache = try cache()
        try fill(cache, 30_000)
        try cache.writeSnapshot(to: path)
        guard var decompressor = Decompressor(.zstd) else { throw NoMemory() }
        let other = try self.cache()
        var loader = NDJSONLoader(cache: other, limits: .ofStore)
        _ = try Array(try file).withUnsafeBytes { bytes in
            try decompressor.append(bytes) {
                loader.consume($0)
                return true
            }
        }
        try decompressor.finish()
        #expect(loader.finish().loaded == 30_000)
    }

    private struct NoMemory: Error {}

    @Test func progressIsTold() throws {
        let cache = try cache()
        try fill(cache, 20_000)
        try cache.writeSnapshot(to: path)
        let last = Mutex<[RestoreProgress]>([])
        let other = try self.cache()
        _ = try other.restoreSnapshot(from: path) { progress in last.withLock { $0.append(progress) } }
        let told = last.withLock { $0 }
        #expect(told.count >= 1)
        #expect(told.map(\.loaded) == told.map(\.loaded).sorted())
        #expect(told.last?.loaded == 20_000)
        #expect(told.allSatisfy { $0.bytesDone <= $0.bytesTotal && $0.bytesTotal > 0 })
    }

    // MARK: A clock that jumps

    /// Seconds that `key:0`, which had 100 when the snapshot was written, lives at a time of day; nil if it is gone at once.
    private func lifetime(at secondsSince1970: Int) throws -> Int? {
        let clock = ManualClock(secondsSince1970: secondsSince1970)
        let other = try cache(clock: clock)
        let restored = try restore(other)
        #expect(restored.damage == nil)
        #expect(other.getJSON("key:1") != nil, "it has no expiry")
        var seconds: Int?
        while other.getJSON("key:0") != nil {
            seconds = (seconds ?? 0) + 1
            clock.advance(by: .seconds(1))
        }
        return seconds
    }

    @Test func aClockThatJumpsExpiresEntriesOrLeavesThemWhatTheyHad() throws {
        let cache = try cache()
        try fill(cache, 10)
        clock.advance(by: .seconds(50))
        try cache.writeSnapshot(to: path)
        let written = 1_000_050
        #expect(try lifetime(at: written) == 50)
        #expect(try lifetime(at: written + 20) == 30)
        // Ahead, by much or just enough.
        #expect(try lifetime(at: written + 50) == nil)
        #expect(try lifetime(at: written + 3_600_000) == nil)
        // Back, before the entries were stored or after it: never more than they had left.
        #expect(try lifetime(at: written - 20) == 50)
        #expect(try lifetime(at: written - 50_000) == 50)
        #expect(try lifetime(at: 0) == 50)
    }

    @Test func aSnapshotThatDoesNotTellItsTimeIsLoaded() throws {
        let cache = try cache()
        try fill(cache, 10)
        try cache.writeSnapshot(to: path)
        let mark = ZstdFrames.note(SnapshotFormat.beginMark(nanosecondsSince1970: 1_000_000 * 1_000_000_000))
        let whole = try file
        #expect(whole.starts(with: mark))
        try write(whole.dropFirst(mark.count))
        let restored = try restore(try self.cache())
        #expect(restored.damage == nil)
        #expect(restored.loaded == 10)
    }

    @Test func aTimeThatIsDamagedIsNotGoneBy() throws {
        let cache = try cache()
        try fill(cache, 10)
        try cache.writeSnapshot(to: path)
        let whole = try file
        let mark = ZstdFrames.note(SnapshotFormat.beginMark(nanosecondsSince1970: 1_000_000 * 1_000_000_000))
        for place in 8..<mark.count {
            for bit in 0..<8 {
                var changed = whole
                changed[place] ^= 1 << bit
                try write(changed)
                let restored = try restore(try self.cache())
                #expect(restored.damage != nil, "byte \(place)")
                #expect(restored.loaded == 10, "byte \(place)")
            }
        }
    }

    // MARK: Damaged

    @Test func aFileThatLostItsEndLoadsWhatIsWhole() throws {
        var random = TestSeed.generator()
        let whole = try writeMany(try cache())
        var cuts = (0..<4).map { _ in Int(random.next() % UInt64(whole.count)) }
        cuts += [0, 1, 4, 60, whole.count - 1, whole.count - SnapshotFormat.endMark.count, whole.count - 40]
        var mostLoaded = 0
        for cut in cuts {
            try write(whole.prefix(cut))
            let other = try self.cache()
            let restored = try restore(other)
            #expect(restored.damage != nil, "\(cut)")
            #expect(restored.loaded == other.getStats().currentSize)
            #expect(try names == ["cache.zst.damaged"], "\(cut)")
            #expect(restored.keptAs == path + ".damaged")
            #expect(try Data(contentsOf: URL(filePath: path + ".damaged")).count == cut)
            mostLoaded = max(mostLoaded, restored.loaded)
            // Nothing is there for the next start, which is no damage.
            #expect(try other.restoreSnapshot(from: path) == nil)
        }
        #expect(mostLoaded == Self.many, "all but the mark of the end was there")
    }

    @Test func damageInTheMidstCostsItsPartAlone() throws {
        var random = TestSeed.generator()
        let cache = try cache()
        let whole = try writeMany(cache)
        var fullLoads = 0
        for _ in 0..<8 {
            var changed = whole
            let place = Int(random.next() % UInt64(whole.count))
            changed[place] ^= UInt8(1 << (random.next() % 8))
            try write(changed)
            let other = try self.cache()
            let restored = try restore(other)
            #expect(restored.damage != nil, "byte \(place)")
            #expect(restored.loaded <= Self.many)
            for key in ["key:1", "key:9999"] {
                if let value = other.getJSON(key) { #expect(value == cache.getJSON(key)) }
            }
            if restored.loaded > Self.many / 2 { fullLoads += 1 }
        }
        #expect(fullLoads > 0)
    }

    @Test(arguments: ["", "hello", "{\"key\":\"a\",\"value\":1}\n", "\u{28}\u{2F}"])
    func whatIsNoSnapshotIsKeptAside(text: String) throws {
        try write(Array(text.utf8))
        let other = try cache()
        let restored = try restore(other)
        #expect(restored.damage != nil)
        #expect(restored.loaded == 0)
        #expect(try names == ["cache.zst.damaged"])
    }

    // MARK: Writing fails

    @Test func whereNothingCanBeWrittenTheFormerStays() throws {
        let cache = try cache()
        try fill(cache, 10)
        try cache.writeSnapshot(to: path)
        let before = try file
        // A folder is in the way of the file that is written beside it.
        try FileManager.default.createDirectory(atPath: path + ".partial", withIntermediateDirectories: false)
        let error = try #require(throws: CacheError.self) { try cache.writeSnapshot(to: path) }
        #expect(error.code == .snapshotFailed)
        #expect(error.message == "cannot create \(path).partial: Is a directory")
        #expect(try file == before)
        let nowhere = try #require(throws: CacheError.self) { try cache.writeSnapshot(to: "/no/such/folder/file") }
        #expect(nowhere.message.hasSuffix("No such file or directory"))
    }

    @Test func aFullDiskIsTold() throws {
        let cache = try cache()
        try fill(cache, 1000)
        guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
        try FileManager.default.createSymbolicLink(atPath: path + ".partial", withDestinationPath: "/dev/full")
        let error = try #require(throws: CacheError.self) { try cache.writeSnapshot(to: path) }
        #expect(error.code == .snapshotFailed)
        #expect(error.message.hasSuffix("No space left on device"))
        #expect(try names.isEmpty, "what was begun is gone")
    }
}
