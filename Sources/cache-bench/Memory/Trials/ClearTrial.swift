import CacheCore

/// Fills a cache, clears it, and watches whether the memory goes back to the system.
struct ClearTrial: MemoryTrial {
    static let name = "clear"

    /// Bytes of keys and values to clear.
    let bytes: Int
    let sizes: ValueSizes
    let seed: UInt64

    func perform() throws -> MemoryDecline {
        let text = ValueText(upTo: sizes.most)
        let cache = try ProductionCache(CacheConfiguration(memoryLimit: TrialCache.ample))
        for entry in EntryFill(bytes: bytes, sizes: sizes, seed: seed).batches.joined() {
            try cache.putJSON(
                entry.key, text.bytes(entry.valueBytes, of: entry.number), ttl: .seconds(EntryFill.secondsToLive))
        }
        let decline = try MemoryDecline(of: ResidentMemory.ofThisProcess) { cache.deleteAll() }
        guard cache.getStats().currentSize == 0 else { throw BenchmarkError("the cache is not empty after a clear") }
        return decline
    }
}
