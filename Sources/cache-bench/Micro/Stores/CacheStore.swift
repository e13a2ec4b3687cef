import CacheCore

/// The cache, whose reader looks at the bytes where they are.
struct CacheStore: MicroReader, MicroWriter {
    let cache: ProductionCache

    /// - Parameter entries: How many are going to be put. There is room for twice as many: nothing is evicted, as from the other
    ///   stores, and the cache does not put uses in order before it is more than half full.
    init(entries: Int) throws {
        cache = try ProductionCache(CacheConfiguration(capacity: entries * 2))
    }

    @inline(__always)
    func get(_ key: String) -> UInt8? {
        cache.withJSON(key) { $0.unsafeLoad(as: UInt8.self) }
    }

    @inline(__always)
    func put(_ key: String, _ value: [UInt8]) {
        do {
            try cache.putJSON(key, value)
        } catch {
            fatalError("the cache refuses what it took before: \(error)")
        }
    }

    /// The same cache, whose reader takes a copy of the bytes to keep.
    struct Copying: MicroReader {
        let cache: ProductionCache

        @inline(__always)
        func get(_ key: String) -> UInt8? { cache.getJSON(key)?.first }
    }
}
