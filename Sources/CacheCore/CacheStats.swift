/// What a cache has done and holds, at one moment.
///
/// Made by ``ProductionCache/getStats()``. The counters run since the cache was made or since
/// ``ProductionCache/resetStats()``.
public struct CacheStats: Sendable, Equatable {
    /// Reads that found a live entry. A bulk read counts each distinct key.
    public var hits: Int
    /// Reads that found none, or an expired one.
    public var misses: Int
    /// Entries written, new and replaced.
    public var puts: Int
    /// Writes that replaced a live entry; these are among the ``puts``.
    public var replacements: Int
    /// Entries removed because someone asked for it.
    public var deletes: Int
    /// Entries removed to make room.
    public var evictions: Int
    /// Entries removed because their time to live was over.
    public var expirations: Int
    /// Entries held now. None of them expired more than a second ago.
    public var currentSize: Int
    /// The most entries that may be held; nil without a bound.
    public var capacity: Int?
    /// Bytes that the entries take now: keys, values, bookkeeping and the allocator's overhead.
    public var memoryBytes: Int
    /// The most bytes that the entries may take; nil without a bound.
    public var memoryLimit: Int?

    /// All reads: hits and misses.
    public var totalRequests: Int { hits + misses }

    /// The share of hits in all reads, in percent; 0 when nothing was asked.
    public var hitRate: Double { totalRequests == 0 ? 0 : Double(hits) * 100 / Double(totalRequests) }
}

/// The counters of a cache, by their place in its ``StripedCounters``.
enum CacheCounter: Int, CaseIterable {
    case hits, misses, puts, replacements, deletes, evictions, expirations
}
