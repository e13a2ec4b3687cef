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
    /// Entries held now, to be read. None of them expired more than a second ago.
    public var currentSize: Int
    /// The most entries that may be held; nil without a bound.
    public var capacity: Int?
    /// Bytes that the entries take now: keys, values, bookkeeping and the allocator's overhead.
    public var memoryBytes: Int
    /// The most bytes that the entries may take; nil without a bound.
    public var memoryLimit: Int?

    /// How often the cache would hit if it held fewer or more entries: half as many, twice, and four times as many.
    public var whatIf: [HitRateEstimate] = HitRateEstimate.unknown

    /// Entries held besides, past their expiry, to be served stale to those who ask for that.
    public var staleEntries = 0

    /// Leases granted to clients: rights to fill a key that was missing.
    public var leasesGranted = 0
    /// Leases by which a key was filled.
    public var leasesFilled = 0
    /// Writes that were refused because their lease was over, or lost to another change of the key.
    public var leasesLost = 0

    /// Loads of missing values that ended, the failed ones too.
    public var loads = 0
    /// Loads that failed.
    public var loadFailures = 0
    /// Reads of missing keys that waited for a load that was under way already.
    public var collapsedLoads = 0
    /// How long all loads took together.
    public var loadTime = Duration.zero

    /// All reads: hits and misses.
    public var totalRequests: Int { hits + misses }

    /// The share of hits in all reads, in percent; 0 when nothing was asked.
    public var hitRate: Double { totalRequests == 0 ? 0 : Double(hits) * 100 / Double(totalRequests) }
}

/// The hit rate that a cache of another capacity would have had, on the same requests, under the same policy.
///
/// It is estimated by ghost caches (keys without values) on a sample of the keys. Entries count alike, so that of a cache that is
/// bounded by memory, capacity is how many entries it holds when it is full.
public struct HitRateEstimate: Sendable, Equatable {
    /// The capacity, as a multiple of the present one.
    public var capacityFactor: Double
    /// The share of hits in all reads, in percent, since the counters began; nil if nothing was asked. Where memory is what fills, it
    /// is nil until the cache was full for some time, and the estimate is for the time since; it begins anew when the number of
    /// entries that fit changes by a quarter.
    public var hitRate: Double?

    static let factors = [0.5, 2, 4]
    static let unknown = factors.map { HitRateEstimate(capacityFactor: $0, hitRate: nil) }
}

/// The counters of a cache, by their place in its ``StripedCounters``.
enum CacheCounter: Int, CaseIterable {
    case hits, misses, puts, replacements, deletes, evictions, expirations
    case leasesGranted, leasesFilled, leasesLost, loads, loadFailures, collapsedLoads, loadNanoseconds
}
