import Synchronization
import TestSupport
import Testing

@testable import CacheCore

/// The bounds at every moment, as another thread sees them.
@Suite struct BoundsTests {
    @Test(arguments: [1, 4])
    func memoryIsNeverOverTheLimit(shardCount: Int) throws {
        let limit = 512 << 10
        var configuration = CacheConfiguration(memoryLimit: limit)
        configuration.shardCount = shardCount
        let highest = try highestWhileWriting(configuration) { $0.bytes }
        #expect(highest > limit * 9 / 10)
        #expect(highest <= limit)
    }

    @Test(arguments: [1, 4])
    func entriesAreNeverMoreThanTheCapacity(shardCount: Int) throws {
        var configuration = CacheConfiguration(capacity: 100)
        configuration.shardCount = shardCount
        let highest = try highestWhileWriting(configuration) { $0.entries }
        #expect(highest == 100)
    }

    /// Writes and deletes entries from several threads, and watches a figure of the ledger from another.
    ///
    /// Large and small values come in turns, so that a memory limit holds now few entries and now many: tables grow and
    /// shrink while there is no room.
    private func highestWhileWriting(
        _ configuration: CacheConfiguration, _ figure: @escaping @Sendable (borrowing Ledger) -> Int,
        test: String = #function
    ) throws -> Int {
        let cache = try ProductionCache(configuration)
        let random = TestSeed.generator(test)
        let isDone = Flag()
        let highest = Highest()
        let watcher = ThreadRun(1)
        watcher.start { _ in while !isDone.isUp { highest.note(figure(cache.store.ledger)) } }
        try runThreads(3) { thread in
            var random = random.split(thread)
            for number in 0..<5 * Self.inOneTurn {
                let count = (number / Self.inOneTurn).isMultiple(of: 2) ? 300 + random.below(200) : 1
                let json = [UInt8](repeating: UInt8(ascii: "1"), count: random.oneIn(1000) ? 9000 : count)
                try cache.putJSON("key-\(thread)-\(number)", json)
                if random.oneIn(10) { cache.delete("key-\(thread)-\(random.below(number + 1))") }
                highest.note(figure(cache.store.ledger))
            }
        }
        isDone.raise()
        try watcher.join()
        audit(cache)
        cache.deleteAll()
        #expect(cache.store.ledger.entries == 0)
        #expect(cache.store.ledger.bytes == cache.store.emptyFootprint)
        return highest.value
    }

    /// How many values of one kind a thread writes before those of the other.
    private static let inOneTurn = TestScale.operations(percent: 1) * 3 / 20

    private final class Highest: Sendable {
        private let maximum = Atomic<Int>(0)
        func note(_ value: Int) { maximum.max(value, ordering: .relaxed) }
        var value: Int { maximum.load(ordering: .relaxed) }
    }
}
