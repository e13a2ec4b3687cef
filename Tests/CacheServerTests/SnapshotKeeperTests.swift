import CacheCore
import Foundation
import Logging
import Testing

@testable import cache_server

@Suite("The keeper of snapshots")
final class SnapshotKeeperTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "keeper-\(UUID())")
    private var path: String { folder.appending(path: "cache.zst").path }

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    // What cannot be removed is the system's to clear up.
    deinit { try? FileManager.default.removeItem(at: folder) }

    private func load() async throws -> SnapshotKeeper {
        let cache = try ProductionCache(CacheConfiguration())
        try cache.put("key", 1)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let keeper = SnapshotKeeper(path: path, interval: nil, cache: cache, logger: logger)
        await withCheckedContinuation { continuation in keeper.start { continuation.resume() } }
        return keeper
    }

    private func write(_ keeper: SnapshotKeeper) async -> Result<SnapshotReport, CacheError> {
        await withCheckedContinuation { continuation in keeper.writer { continuation.resume(returning: $0) } }
    }

    private func expectRefusal(_ result: Result<SnapshotReport, CacheError>, _ reason: String) {
        guard case .failure(let error) = result else {
            Issue.record("it was written over")
            return
        }
        #expect(error.code == .snapshotFailed)
        #expect(error.message.hasPrefix("\(path) is not written over, because it was not loaded: "))
        #expect(error.message.contains(reason), "\(error.message)")
    }

    @Test("What cannot be read is not written over until somebody has moved it away")
    func unreadable() async throws {
        // A file whose first byte cannot be read, whoever asks.
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/proc/self/mem")
        let keeper = try await load()
        for _ in 0..<2 { expectRefusal(await write(keeper), "Input/output error") }
        keeper.finish()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["cache.zst"])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "/proc/self/mem")

        try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
        for _ in 0..<2 { #expect(try await write(keeper).get().entries == 1) }
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path + ".old") == "/proc/self/mem")
    }

    @Test("What is damaged is not written over where it cannot be kept aside")
    func damaged() async throws {
        let damage = Data("damage".utf8)
        try damage.write(to: URL(filePath: path))
        // Nothing can take the name of a folder.
        try FileManager.default.createDirectory(atPath: path + ".damaged/folder", withIntermediateDirectories: true)
        let keeper = try await load()
        expectRefusal(await write(keeper), "is not zstd, and cannot be renamed")
        keeper.finish()
        #expect(try Data(contentsOf: URL(filePath: path)) == damage)

        try FileManager.default.removeItem(atPath: path)
        #expect(try await write(keeper).get().entries == 1)
    }
}
