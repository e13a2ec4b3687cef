internal import Threading

/// A cache of JSON values by key, for many threads: bounded by entries and by memory, with a time to live an entry.
///
/// ```swift
/// let cache = try ProductionCache(capacity: 1000)
/// try cache.put("config", Config(db: "postgres", port: 5432), ttl: .seconds(300))
/// let config = try cache.get("config", as: Config.self)   // nil on a miss
/// print(cache.getStats().hitRate)                          // percent
/// ```
///
/// **Values** are `Codable` and kept as JSON; or JSON text is put and got as it is (``putJSON(_:_:ttl:)``). A value's bytes
/// are immutable: reading one never holds up a writer, and a reader keeps what it read even when the entry is gone.
///
/// **Threads.** Every method may be called from every thread. Reads share: a hit takes one read lock of one shard, briefly,
/// under which a value of up to 64 KiB is copied; a larger one is lent. Writers of different shards do not meet.
///
/// **Bounds** hold at every moment: never more than `capacity` entries, never more than `memoryLimit` bytes for them. When
/// room is needed, entries go first that expired more than a moment (134 ms) ago, then those that are kept to be served stale, then
/// those that ``EvictionPolicy`` names. Nothing is evicted below the bounds.
///
/// **Expiry.** An entry is never served at or after its expiry, and is gone within a second of it without being read.
public final class ProductionCache: Sendable {
    let store: ShardedStore
    let configuration: CacheConfiguration
    private let defaultLifetime: Int64?
    private let sweeper: Sweeper?
    /// The loads that are under way, see ``value(for:ttl:load:)``.
    let flights = LoadWaiter.LoadFlights()

    /// How often expired entries are looked for in the background.
    private static let sweepInterval = Duration.milliseconds(100)

    /// Makes an empty cache.
    ///
    /// - Throws: ``CacheError`` with ``CacheError/Code/invalidConfiguration`` or ``CacheError/Code/invalidTTL``.
    public init(_ configuration: CacheConfiguration) throws(CacheError) {
        try configuration.validate()
        self.configuration = configuration
        if let ttl = configuration.defaultTTL {
            defaultLifetime = try TimeToLive.nanoseconds(ttl)
        } else {
            defaultLifetime = nil
        }
        let store = ShardedStore(configuration)
        self.store = store
        sweeper = configuration.clock.isManual ? nil : Sweeper(every: Self.sweepInterval) { store.maintain() }
    }

    /// Makes an empty cache of at most `capacity` entries.
    ///
    /// - Throws: ``CacheError`` with ``CacheError/Code/invalidConfiguration`` unless `capacity` is at least 1.
    public convenience init(capacity: Int) throws(CacheError) {
        try self.init(CacheConfiguration(capacity: capacity))
    }

    /// Which entry goes when room is needed.
    public var evictionPolicy: EvictionPolicy { configuration.eviction }

    // MARK: Statistics

    /// What the cache has done and holds now.
    ///
    /// - Complexity: O(1), and as much work as there are entries that expired since the last sweep, and uses and pages to put in order.
    public func getStats() -> CacheStats {
        store.maintain()
        func sum(_ counter: CacheCounter) -> Int { Int(store.counters.sum(counter.rawValue)) }
        let stale = store.staleCount
        var stats = CacheStats(
            hits: sum(.hits), misses: sum(.misses), puts: sum(.puts), replacements: sum(.replacements),
            deletes: sum(.deletes), evictions: sum(.evictions), expirations: sum(.expirations),
            currentSize: max(0, store.ledger.entries - stale), capacity: store.capacity,
            memoryBytes: store.ledger.bytes, memoryLimit: store.memoryLimit)
        stats.staleEntries = stale
        stats.leasesGranted = sum(.leasesGranted)
        stats.leasesFilled = sum(.leasesFilled)
        stats.leasesLost = sum(.leasesLost)
        stats.loads = sum(.loads)
        stats.loadFailures = sum(.loadFailures)
        stats.collapsedLoads = sum(.collapsedLoads)
        stats.loadTime = .nanoseconds(sum(.loadNanoseconds))
        if let forecast = store.observers.forecast {
            stats.whatIf = forecast.estimates(hits: stats.hits, requests: stats.totalRequests)
        }
        return stats
    }

    /// Sets all counters to zero; what the cache holds stays.
    public func resetStats() {
        store.settleAll()
        if let forecast = store.observers.forecast {
            forecast.reset { store.counters.reset() }
        } else {
            store.counters.reset()
        }
    }

    /// Lets expired entries go. A cache with the machine's clock does it by itself, several times a second.
    ///
    /// - Complexity: O(*n*) for *n* entries that expired, in steps that hold a lock only briefly.
    public func maintain() { store.maintain() }

    // MARK: Removing

    /// Removes the entry with this key.
    ///
    /// - Returns: True if there was a live one.
    /// - Complexity: O(1) expected.
    @discardableResult
    public func delete(_ key: String) -> Bool {
        withUTF8(of: key) { delete($0) }
    }

    @discardableResult
    package func delete(_ key: UnsafeRawBufferPointer) -> Bool {
        delete(key, if: nil) == .removed
    }

    /// Removes the entry with this key if a condition is met, which is checked under the write lock.
    package func delete(_ key: UnsafeRawBufferPointer, if condition: WriteCondition?) -> RemoveOutcome {
        store.remove(key, hash: store.hasher.hash(key), if: condition)
    }

    /// Removes all entries whose keys begin with `prefix`; without one, all.
    ///
    /// - Returns: How many live entries there were.
    /// - Complexity: O(*n*) for *n* entries in the cache, in steps that hold a lock only briefly.
    @discardableResult
    public func deleteAll(prefix: String = "") -> Int {
        withUTF8(of: prefix) { store.removeAll(prefix: $0) }
    }

    /// Removes all entries that have a tag.
    ///
    /// ```swift
    /// try cache.put("page:7", page, tags: ["author:3", "news"])
    /// cache.deleteAll(tag: "author:3")   // 1
    /// ```
    ///
    /// - Returns: How many live entries there were.
    /// - Complexity: O(*n*) for *n* entries with the tag, in steps that hold a lock only briefly.
    @discardableResult
    public func deleteAll(tag: String) -> Int { store.removeAll(tag: Array(tag.utf8)) }

    /// - Parameter spared: The lease of who removes them, and goes on to fill its key.
    @discardableResult
    package func deleteAll(tag: [UInt8], prefix: [UInt8], sparing spared: Lease? = nil) -> Int {
        prefix.isEmpty
            ? store.removeAll(tag: tag, sparing: spared) : store.removeAll(tag: tag, prefix: prefix, sparing: spared)
    }

    @discardableResult
    package func deleteAll(prefix: UnsafeRawBufferPointer) -> Int { store.removeAll(prefix: prefix) }

    // MARK: Time

    /// Nanoseconds to live for a `ttl` that a caller named, or the default; nil for no end.
    func lifetime(_ ttl: Duration?) throws(CacheError) -> Int64? {
        guard let ttl else { return defaultLifetime }
        return try TimeToLive.nanoseconds(ttl)
    }

    /// Nanoseconds to live without a time to live of its own; nil for no end.
    package var defaultTimeToLive: Int64? { defaultLifetime }

    /// The time by the cache's clock, in nanoseconds.
    package var now: Int64 { configuration.clock.now() }

    /// Whether that is the system's clock, not one that a test moves.
    package var hasSystemClock: Bool { !configuration.clock.isManual }

    /// The time of day by the cache's clock, in nanoseconds since 1970.
    package var wallClock: Int64 { configuration.clock.wallClock() }
}
