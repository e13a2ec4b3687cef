import CacheCore

/// Puts entries with a time to live into the library, without a server around it.
struct FillTrial: MemoryTrial {
    static let name = "fill"

    let entries: Int
    let sizes: ValueSizes
    let seed: UInt64

    struct Outcome: Codable, Sendable {
        let entries: Int
        let usefulBytes: Int
        /// RSS of the process with an empty cache, and with the full one.
        let bytesBefore: Int
        let bytesAfter: Int
        /// What the cache says that its entries take.
        let bytesBooked: Int
    }

    func perform() throws -> Outcome {
        let fill = EntryFill(count: entries, sizes: sizes, seed: seed)
        let text = ValueText(upTo: sizes.most)
        let cache = try ProductionCache(CacheConfiguration(memoryLimit: TrialCache.ample))
        let before = try ResidentMemory.ofThisProcess()
        for entry in fill.batches.joined() {
            try cache.putJSON(
                entry.key, text.bytes(entry.valueBytes, of: entry.number), ttl: .seconds(EntryFill.secondsToLive))
        }
        let after = try ResidentMemory.ofThisProcess()
        let stats = cache.getStats()
        guard stats.currentSize == entries else {
            throw BenchmarkError("the cache holds \(stats.currentSize) entries after \(entries) were put")
        }
        return Outcome(
            entries: entries, usefulBytes: try TrialCache.usefulBytes(of: cache), bytesBefore: before,
            bytesAfter: after, bytesBooked: stats.memoryBytes)
    }
}
