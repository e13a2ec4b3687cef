import CacheCore
import Foundation
import Synchronization

/// Writes many times what a cache may hold, and compares the memory that the process has with the limit.
///
/// Entries of all sizes first. Then small ones alone and large ones alone and all sizes once more, so that room that was
/// cut for one size has to serve another: what an allocator cannot put together again shows there.
struct ChurnTrial: MemoryTrial {
    static let name = "churn"

    /// The cache's limit in bytes.
    let limit: Int
    let seed: UInt64

    struct Phase: Codable, Sendable {
        let title: String
        /// Bytes of the keys and values that were put, and how many they were.
        let bytesWritten: Int
        let puts: Int
        let seconds: Double
        /// RSS of the process at the end, and the most that was seen.
        let bytesAfter: Int
        let bytesAtMost: Int
        /// What the cache holds at the end: entries, bytes of keys and values, and bytes as it counts them itself.
        let entries: Int
        let usefulBytes: Int
        let bytesBooked: Int
    }

    struct Outcome: Codable, Sendable {
        let limit: Int
        let phases: [Phase]
    }

    private static let phases: [(title: String, sizes: ValueSizes, timesTheLimit: Int)] = [
        ("all sizes", .mixed, 10),
        ("small alone", ValueSizes(from: 64, to: 256), 2),
        ("large alone", ValueSizes(from: 16_384, to: 65_536), 2),
        ("all sizes again", .mixed, 2),
    ]

    /// The phases in which the limit is to be put to good use: of small entries alone, no cache holds mostly keys and values.
    static var titlesOfAllSizes: [String] { phases.filter { $0.sizes == .mixed }.map(\.title) }

    /// Threads that write: one frees what another allocated, as in a server.
    private static let writers = 2
    /// The memory is looked at so often in a phase.
    private static let looks = 200

    func perform() throws -> Outcome {
        let cache = try ProductionCache(CacheConfiguration(memoryLimit: limit))
        let text = ValueText(upTo: ValueSizes.mixed.most)
        return Outcome(
            limit: limit,
            phases: try Self.phases.enumerated().map { number, phase in
                let seed = seed &+ UInt64(number)
                return try churn(
                    cache, text, phase.title, sizes: phase.sizes, bytes: phase.timesTheLimit * limit, seed: seed)
            })
    }

    private func churn(
        _ cache: ProductionCache, _ text: ValueText, _ title: String, sizes: ValueSizes, bytes: Int, seed: UInt64
    ) throws -> Phase {
        // Of twice as many keys as fit: some puts replace an entry with one of another size.
        let keys = max(1, Int(Double(limit) / sizes.mean) * 2)
        let progress = Mutex((puts: 0, written: 0, mostBytes: 0, error: (any Error)?.none))
        let start = ContinuousClock.now
        DispatchQueue.concurrentPerform(iterations: Self.writers) { writer in
            do {
                var generator = SplitMix64(state: seed &* 1000 &+ UInt64(writer))
                var nextLook = 0
                var (puts, written, mostBytes) = (0, 0, 0)
                while written < bytes / Self.writers {
                    let number = Int(generator.next() % UInt64(keys))
                    let key = EntryFill.keys[number]
                    let size = sizes.next(using: &generator)
                    try cache.putJSON(key, text.bytes(size, of: number), ttl: .seconds(EntryFill.secondsToLive))
                    puts += 1
                    written += key.utf8.count + size
                    if written >= nextLook {
                        mostBytes = max(mostBytes, try ResidentMemory.ofThisProcess())
                        nextLook += bytes / Self.looks
                    }
                }
                progress.withLock { [puts, written, mostBytes] in
                    $0.puts += puts
                    $0.written += written
                    $0.mostBytes = max($0.mostBytes, mostBytes)
                }
            } catch {
                progress.withLock { $0.error = error }
            }
        }
        let seconds = (ContinuousClock.now - start).seconds
        let after = try ResidentMemory.ofThisProcess()
        let (puts, written, mostBytes, error) = progress.withLock { $0 }
        if let error { throw error }
        let stats = cache.getStats()
        return Phase(
            title: title, bytesWritten: written, puts: puts, seconds: seconds, bytesAfter: after,
            bytesAtMost: max(mostBytes, after), entries: stats.currentSize,
            usefulBytes: try TrialCache.usefulBytes(of: cache), bytesBooked: stats.memoryBytes)
    }
}
