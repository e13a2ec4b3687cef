/// Where the items of a source go, and what became of them: into a cache, in batches that take each lock once, or on to who asked for the
/// items themselves. Memory is constant: one batch is held, of some hundred items at most, and of 1 MiB and
/// one item.
package struct ItemSink: ~Copyable {
    private enum Destination {
        case cache(ProductionCache)
        /// For a cache, but put in by who asks for all of them: see ``takeBatch()``.
        case held(for: ProductionCache)
        case receiver(([CacheItem]) throws(CancellationError) -> Void)
    }

    private let destination: Destination
    package let limits: EntryLimits
    /// What is put before each key.
    private let keyPrefix: [UInt8]
    /// Nanoseconds to live of an item that does not say; nil for no end.
    package let defaultLifetime: Int64?
    private let clock: CacheClock
    /// What the time of day is not before, in nanoseconds since 1970.
    private let earliest: Int64
    private let start: Int64

    private var writes: WriteBatch?
    private var items: [CacheItem] = []
    /// How many items have come since the last were put in or handed on, refused ones too, and how many bytes are held.
    private var count = 0
    private var bytes = 0
    private var prefixedKey: [UInt8] = []

    package private(set) var report = WarmReport()
    /// The number of the item, or of its line, from 1: what reports of what is wrong with it name.
    package var number = 0

    /// How many entries are put at once, and how many bytes they have at most, about.
    private static let batchCount = 256
    private static let batchBytes = 1 << 20

    /// A sink into a cache.
    ///
    /// - Parameters:
    ///   - keyPrefix: What is put before each key.
    ///   - ttl: How long an item lives that does not say; nil for the cache's default.
    /// - Throws: ``CacheError`` with `invalidTTL`.
    package init(
        into cache: ProductionCache, limits: EntryLimits, keyPrefix: String = "", ttl: Duration? = nil
    ) throws(CacheError) {
        self.init(
            .cache(cache), limits, keyPrefix, lifetime: try cache.lifetime(ttl), cache.configuration.clock)
    }

    package init(into cache: ProductionCache, limits: EntryLimits) {
        self.init(
            .cache(cache), limits, "", lifetime: cache.defaultTimeToLive, cache.configuration.clock)
    }

    /// A sink that holds all items, for a cache that had them before what was changed since ``ShardedStore/beginRestore()``, to which they give
    /// way: see ``takeBatch()``.
    ///
    /// - Parameter earliest: What the time of day is not before, whatever the machine says; in nanoseconds since 1970.
    init(restoring cache: ProductionCache, earliest: Int64) {
        self.init(
            .held(for: cache), .ofStore, "", lifetime: cache.defaultTimeToLive, cache.configuration.clock,
            earliest: earliest)
    }

    /// A sink that hands the items on, some at a time; `receive` throws when no more are wanted.
    package init(
        keyPrefix: String, ttl: Duration?, receive: @escaping ([CacheItem]) throws(CancellationError) -> Void
    ) throws(CacheError) {
        var lifetime: Int64?
        if let ttl { lifetime = try TimeToLive.nanoseconds(ttl) }
        self.init(.receiver(receive), .ofStore, keyPrefix, lifetime: lifetime, .monotonic)
    }

    private init(
        _ destination: Destination, _ limits: EntryLimits, _ keyPrefix: String, lifetime: Int64?, _ clock: CacheClock,
        earliest: Int64 = .min
    ) {
        self.earliest = earliest
        self.destination = destination
        self.limits = limits
        self.keyPrefix = Array(keyPrefix.utf8)
        defaultLifetime = lifetime
        self.clock = clock
        start = clock.now()
    }

    /// The time of day, in nanoseconds since 1970.
    package var wallClock: Int64 { max(clock.wallClock(), earliest) }

    /// Adds an item.
    ///
    /// - Parameters:
    ///   - key: Its key, valid UTF-8.
    ///   - document: A document that has its value.
    ///   - node: The value's node.
    ///   - lifetime: Nanoseconds to live; nil for no end.
    ///   - isExact: Whether the lifetime is that of an entry elsewhere, to be left as it is.
    /// - Throws: ``CacheError`` for what the cache refuses; it is in the report by the caller alone (``fail(_:)``).
    package mutating func add(
        _ key: UnsafeRawBufferPointer, _ document: borrowing JSONDocument, _ node: JSONNode, lifetime: Int64?,
        tags: TagList? = nil, isExact: Bool = false
    ) throws(CacheError) {
        if keyPrefix.isEmpty {
            try append(key, document, node, lifetime: lifetime, tags: tags, isExact: isExact)
        } else {
            prefixedKey.removeAll(keepingCapacity: true)
            prefixedKey += keyPrefix
            prefixedKey += key
            // Out of the sink while it is lent to it.
            var whole: [UInt8] = []
            swap(&whole, &prefixedKey)
            defer { swap(&whole, &prefixedKey) }
            try withBytes(of: whole) { (key) throws(CacheError) in
                try limits.validate(key: key)
                try append(key, document, node, lifetime: lifetime, tags: tags, isExact: isExact)
            }
        }
    }

    private mutating func append(
        _ key: UnsafeRawBufferPointer, _ document: borrowing JSONDocument, _ node: JSONNode, lifetime: Int64?,
        tags: TagList?, isExact: Bool
    ) throws(CacheError) {
        switch destination {
        case .cache(let cache):
            let batch = writes.take() ?? WriteBatch(cache: cache, capacity: Self.batchCount)
            try append(to: batch, key, document, node, lifetime: lifetime, tags: tags, isExact: isExact)
        case .held(let cache):
            let batch = writes.take() ?? WriteBatch(restoring: cache)
            try append(to: batch, key, document, node, lifetime: lifetime, tags: tags, isExact: isExact)
        case .receiver:
            var item = CacheItem(
                key: String(decoding: key, as: UTF8.self), json: Array(document.source(of: node)),
                ttl: lifetime.map { .nanoseconds($0) })
            item.tags = tags?.names.map { String(decoding: $0, as: UTF8.self) } ?? []
            item.line = number
            item.hasExpiry = isExact
            items.append(item)
            count += 1
            bytes += item.json.count
        }
    }

    private mutating func append(
        to batch: consuming WriteBatch, _ key: UnsafeRawBufferPointer, _ document: borrowing JSONDocument,
        _ node: JSONNode, lifetime: Int64?, tags: TagList?, isExact: Bool
    ) throws(CacheError) {
        do throws(CacheError) {
            try batch.append(key, document, node, lifetime: lifetime, tags: tags, isExact: isExact)
            count += 1
            bytes += key.count + document.source(of: node).count
            writes = consume batch
        } catch {
            writes = consume batch
            throw error
        }
    }

    /// Whether as much has come as should be put at once.
    package var isFull: Bool {
        if case .held = destination { return false }
        return count >= Self.batchCount || bytes > Self.batchBytes
    }

    /// Counts an item as refused.
    package mutating func fail(_ error: CacheError) {
        count += 1
        guard case .receiver = destination else { return report.addFailure(line: number, error) }
        var item = CacheItem(key: "", json: [])
        item.line = number
        item.fault = error
        items.append(item)
    }

    /// Counts an item as one whose expiry is past.
    package mutating func expire() {
        count += 1
        guard case .receiver = destination else {
            report.expired += 1
            return
        }
        var item = CacheItem(key: "", json: [])
        item.line = number
        item.isExpired = true
        items.append(item)
    }

    /// Puts in, or hands on, what is held.
    ///
    /// - Throws: `CancellationError` if no more are wanted.
    package mutating func flush() throws(CancellationError) {
        putIn()
        guard case .receiver(let receive) = destination, !items.isEmpty else { return }
        try receive(items)
        items.removeAll(keepingCapacity: true)
        (count, bytes) = (0, 0)
    }

    /// Puts in what is held for a cache.
    package mutating func putIn() {
        guard case .cache = destination else { return }
        (count, bytes) = (0, 0)
        guard let batch = writes.take() else { return }
        report.add(batch, line: number)
    }

    /// Gives away all that is held for a cache, to be put in; nil if there is nothing. Whether it gets in is not in the report.
    mutating func takeBatch() -> WriteBatch? {
        (count, bytes) = (0, 0)
        return writes.take()
    }

    /// Forgets what became of the items so far, which come once more.
    package mutating func restart() {
        putIn()
        report = WarmReport()
        number = 0
    }

    /// What became of all, once the last has been put in.
    package mutating func finish() -> WarmReport {
        putIn()
        report.duration = .nanoseconds(clock.now() - start)
        return report
    }
}
