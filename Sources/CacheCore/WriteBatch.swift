#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Entries made ready to be put in together: all that can be refused is refused while the batch is filled, so
/// that ``commit()`` puts in all of them. A batch that is dropped puts in nothing.
package struct WriteBatch: ~Copyable {
    let cache: ProductionCache
    private let time: (now: Int64, rank: Int64)
    // Owns one reference to each entry until `commit`.
    private var entries: [Entry] = []

    package init(cache: ProductionCache, capacity: Int) {
        self.cache = cache
        time = cache.configuration.clock.reading(uses: capacity)
        entries.reserveCapacity(capacity)
    }

    deinit {
        for entry in entries { entry.release() }
    }

    package var count: Int { entries.count }

    /// Adds the value that a node of a parsed document is.
    ///
    /// - Parameter lifetime: Nanoseconds to live; nil for no end.
    /// - Throws: ``CacheError``, as ``ProductionCache/putJSON(_:_:ttl:)``.
    package mutating func append(
        _ key: UnsafeRawBufferPointer, _ document: borrowing JSONDocument, _ node: JSONNode, lifetime: Int64?
    ) throws(CacheError) {
        entries.append(
            try cache.store.prepare(
                key: key, valueCount: document.minifiedCount(of: node), lifetime: lifetime, at: timeOfNext
            ) { document.minify(node, into: $0) })
    }

    package mutating func append(
        _ key: [UInt8], _ document: borrowing JSONDocument, _ node: JSONNode, lifetime: Int64?
    ) throws(CacheError) {
        try withBytes(of: key) { (key) throws(CacheError) in
            try append(key, document, node, lifetime: lifetime)
        }
    }

    /// Adds JSON that is known to be valid.
    mutating func append(_ key: UnsafeRawBufferPointer, json: Data, lifetime: Int64?) throws(CacheError) {
        entries.append(try cache.store.prepare(json, key: key, lifetime: lifetime, at: timeOfNext))
    }

    /// Puts all entries in, in their order; where a key occurs twice, the later one stays.
    ///
    /// - Complexity: O(1) expected an entry; each shard's lock is taken once, unless room has to be made.
    package consuming func commit() {
        let (store, now, entries) = (cache.store, time.now, entries)
        self.entries = []
        store.put(entries, now: now)
    }

    /// All are stored now; each has been used a little later than the one before.
    private var timeOfNext: (now: Int64, rank: Int64) { (time.now, time.rank + Int64(entries.count)) }
}
