extension ProductionCache {
    /// Fills the cache from a source: any asynchronous sequence of items, such as ``NDJSONFile``, a database's rows mapped to
    /// items, or a stream from elsewhere.
    ///
    /// An item that is refused is counted and reported, and the rest loads. Items are put in batches, each lock taken
    /// once a batch. When more items come than fit, the earlier ones are evicted.
    ///
    /// - Returns: How many items were loaded, refused and found expired, and why.
    /// - Throws: What the source throws; what came before is in the cache then.
    public func warm<Source: AsyncSequence>(from source: Source) async throws -> WarmReport
    where Source.Element == CacheItem {
        var loader = ItemLoader(cache: self)
        do {
            for try await item in source { loader.add(item) }
        } catch {
            _ = loader.finish()
            throw error
        }
        return loader.finish()
    }

    /// Fills the cache from items that are at hand; see ``warm(from:)-(AsyncSequence)``.
    public func warm(from items: some Sequence<CacheItem>) -> WarmReport {
        var loader = ItemLoader(cache: self)
        for item in items { loader.add(item) }
        return loader.finish()
    }
}

/// Puts items in, batch by batch, and keeps the report.
private struct ItemLoader {
    private let cache: ProductionCache
    private let start: Int64
    private var report = WarmReport()
    private var batch: [CacheItem] = []
    private var number = 0

    private static let batchCount = 256

    init(cache: ProductionCache) {
        self.cache = cache
        start = cache.now
    }

    mutating func add(_ item: CacheItem) {
        number += 1
        var item = item
        item.line = item.line ?? number
        batch.append(item)
        if batch.count == Self.batchCount { flush() }
    }

    mutating func finish() -> WarmReport {
        flush()
        report.duration = .nanoseconds(cache.now - start)
        return report
    }

    private mutating func flush() {
        var writes = WriteBatch(cache: cache, capacity: batch.count)
        for item in batch {
            do throws(CacheError) {
                if let fault = item.fault { throw fault }
                if item.isExpired {
                    report.expired += 1
                } else {
                    try writes.append(item)
                }
            } catch {
                report.addFailure(line: item.line ?? 0, error)
            }
        }
        batch.removeAll(keepingCapacity: true)
        report.add(writes, line: number)
    }
}

extension WriteBatch {
    /// Adds an item, its JSON checked.
    fileprivate mutating func append(_ item: CacheItem) throws(CacheError) {
        let lifetime = try cache.lifetime(item.ttl)
        let tags = try TagList.make(item.tags)
        try cache.withParsed(item.json) { (document: borrowing JSONDocument) throws(CacheError) in
            try withUTF8(of: item.key) { (key) throws(CacheError) in
                try append(key, document, document.root, lifetime: lifetime, tags: tags, isExact: item.hasExpiry)
            }
        }
    }
}
