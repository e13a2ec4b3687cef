#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Entries made ready to be put in together: all that can be refused is refused while the batch is filled, so
/// that ``commit()`` puts in all of them, unless the system has no memory left. A batch that is dropped puts in nothing.
package struct WriteBatch: ~Copyable {
    let cache: ProductionCache
    private let time: (now: Int64, rank: Int64)
    /// Whether the entries come from before what has been changed meanwhile.
    private let isRestored: Bool
    // Owns one reference to each entry's block until `commit`.
    private var entries: [PreparedEntry] = []

    package init(cache: ProductionCache, capacity: Int) {
        self.cache = cache
        isRestored = false
        time = cache.configuration.clock.reading(uses: capacity)
        entries.reserveCapacity(capacity)
    }

    /// A batch of any number of entries that come from before what was changed since ``ShardedStore/beginRestore()``, and give way to it:
    /// for ``restoreWhatFits()``.
    init(restoring cache: ProductionCache) {
        self.cache = cache
        isRestored = true
        time = cache.configuration.clock.reading(uses: 0)
    }

    deinit {
        for entry in entries { entry.block.release() }
    }

    package var count: Int { entries.count }

    /// Adds the value that a node of a parsed document is.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - document: The document.
    ///   - node: The value's node in it.
    ///   - lifetime: Nanoseconds to live; nil for no end.
    ///   - tags: Its tags; nil for none.
    ///   - isExact: Whether ``CacheConfiguration/ttlJitter`` leaves the lifetime as it is.
    /// - Throws: ``CacheError``, as ``ProductionCache/putJSON(_:_:ttl:)``.
    package mutating func append(
        _ key: UnsafeRawBufferPointer, _ document: borrowing JSONDocument, _ node: JSONNode, lifetime: Int64?,
        tags: TagList? = nil, isExact: Bool = false
    ) throws(CacheError) {
        // What is left of an entry elsewhere may be more than any may have here.
        let lifetime =
            isExact ? lifetime.map { min($0, CacheConfiguration.maximumTTL.nanoseconds) } : spread(lifetime, of: key)
        entries.append(
            try cache.store.prepare(
                key: key, valueCount: document.minifiedCount(of: node), lifetime: lifetime, at: timeOfNext,
                tags: tags
            ) { document.minify(node, into: $0) })
    }

    package mutating func append(
        _ key: [UInt8], _ document: borrowing JSONDocument, _ node: JSONNode, lifetime: Int64?,
        tags: TagList? = nil, isExact: Bool = false
    ) throws(CacheError) {
        try withBytes(of: key) { (key) throws(CacheError) in
            try append(key, document, node, lifetime: lifetime, tags: tags, isExact: isExact)
        }
    }

    /// Adds JSON that is known to be valid.
    mutating func append(_ key: UnsafeRawBufferPointer, json: Data, lifetime: Int64?, tags: TagList? = nil)
        throws(CacheError)
    {
        let lifetime = spread(lifetime, of: key)
        entries.append(try cache.store.prepare(json, key: key, lifetime: lifetime, at: timeOfNext, tags: tags))
    }

    /// A lifetime, shortened by a share that follows from the key: evenly spread over what the configuration allows.
    private func spread(_ lifetime: Int64?, of key: UnsafeRawBufferPointer) -> Int64? {
        let percent = cache.configuration.ttlJitter
        guard percent > 0, let lifetime else { return lifetime }
        let share = Double(contentDigest(key) >> 11) * 0x1p-53
        return max(1, lifetime - Int64(Double(lifetime) * share * Double(percent) / 100))
    }

    /// Puts all entries in, in their order; where a key occurs twice, the later one stays.
    ///
    /// - Throws: ``CacheError/Code/insufficientStorage`` if memory is exhausted and some could not be put in.
    /// - Complexity: O(1) expected an entry; each shard's lock is taken once, unless room has to be made.
    package consuming func commit() throws(CacheError) {
        let count = count
        let refused = commitWhatFits()
        if refused > 0 {
            throw CacheError(
                .insufficientStorage,
                "memory is exhausted: \(refused) of \(count) entries could not be had, the others were put in")
        }
    }

    /// Puts in the entries that memory can be had for: all, as a rule.
    ///
    /// - Returns: How many are not in.
    consuming func commitWhatFits() -> Int {
        precondition(!isRestored, "a batch that is restored was put in as if it were new")
        let (store, now, entries) = (cache.store, time.now, entries)
        self.entries = []
        return store.put(entries, now: now).refused
    }

    /// Puts in the entries that memory can be had for, each as if it were used now, after the one before it: where not all have room, those
    /// go first that the cache's policy names of a cache that was filled in this order.
    ///
    /// - Returns: How many are not in, and how many gave way to newer ones.
    consuming func restoreWhatFits() -> (refused: Int, superseded: Int) {
        precondition(isRestored, "a batch of new entries was put in as if it were restored")
        let (cache, entries) = (cache, entries)
        self.entries = []
        var outcome = (refused: 0, superseded: 0)
        var start = 0
        while start < entries.count {
            // Of a part the entries of one shard go in before those of the next: no part is as large as a cache of more than one.
            var end = start
            var bytes = 0
            while end < entries.count, end - start < Self.restoredAtOnce, bytes < Self.restoredBytesAtOnce {
                bytes += entries[end].block.valueCount
                end += 1
            }
            var part = Array(entries[start..<end])
            let (now, rank) = cache.configuration.clock.reading(uses: part.count)
            for place in part.indices { part[place].rank = rank + Int64(place) }
            let (refused, superseded) = cache.store.put(part, now: now, isRestored: true)
            outcome.refused += refused
            outcome.superseded += superseded
            start = end
        }
        return outcome
    }

    private static var restoredAtOnce: Int { 256 }
    private static var restoredBytesAtOnce: Int { 1 << 20 }

    /// All are stored now; each has been used a little later than the one before.
    private var timeOfNext: (now: Int64, rank: Int64) { (time.now, time.rank + Int64(entries.count)) }
}
