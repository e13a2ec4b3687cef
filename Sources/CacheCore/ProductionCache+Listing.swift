extension ProductionCache {
    /// A key in a listing.
    public struct KeyInfo: Sendable, Equatable {
        public var key: String
        /// The time left until the entry expires; nil if it does not.
        public var ttl: Duration?
        /// Bytes of the value's JSON.
        public var size: Int
    }

    /// A part of a listing.
    public struct KeyPage: Sendable, Equatable {
        public var keys: [KeyInfo]
        /// What to go on from; nil at the end of the listing.
        public var cursor: ListingCursor?
    }

    /// Lists live keys, page by page, in no order that means anything.
    ///
    /// A key that is present from the first page to the last is listed exactly once, whatever is written meanwhile.
    ///
    /// - Parameters:
    ///   - prefix: What the keys begin with.
    ///   - limit: How many keys a page holds at most; at least 1. A page may hold fewer, even none, and not be the last.
    ///   - cursor: The cursor of the page before; nil to begin.
    /// - Returns: The page. The listing is complete when its cursor is nil.
    /// - Throws: ``CacheError`` with ``CacheError/Code/invalidCursor`` for a cursor of another process.
    /// - Complexity: O(`limit`) where most keys match; a page looks at no more than about 100,000 entries.
    public func keys(
        prefix: String = "", limit: Int = 100, after cursor: ListingCursor? = nil
    ) throws(CacheError) -> KeyPage {
        precondition(limit >= 1, "a page holds at least one key")
        let now = now
        var keys: [KeyInfo] = []
        let next = try withUTF8(of: prefix) { (prefix) throws(CacheError) in
            try scan(prefix: prefix, limit: limit, after: cursor) { key, valueCount, timeLeft in
                let ttl = timeLeft.map { Duration.nanoseconds(max(0, $0 - now)) }
                keys.append(KeyInfo(key: String(decoding: key, as: UTF8.self), ttl: ttl, size: valueCount))
            }
        }
        return KeyPage(keys: keys, cursor: next)
    }

    // MARK: For the service

    /// As ``keys(prefix:limit:after:)``, telling each key with the count of its value's bytes and its expiry.
    ///
    /// - Parameter visit: Told each entry under a shard's read lock: it must be quick and must not use the cache.
    package func scan(
        prefix: UnsafeRawBufferPointer, limit: Int, after cursor: ListingCursor?,
        _ visit: (_ key: UnsafeRawBufferPointer, _ valueCount: Int, _ expiresAt: Int64?) -> Void
    ) throws(CacheError) -> ListingCursor? {
        let next = store.scan(
            prefix: prefix, from: try start(after: cursor), limit: limit, slots: Self.slotsPerPage
        ) { entry, _ in
            visit(entry.key, entry.valueCount, entry.expiresAt == Entry.never ? nil : entry.expiresAt)
        }
        return next.map { ListingCursor(process: store.hasher.identity, hash: $0) }
    }

    /// Writes the next live entries as NDJSON, the way `/warm` reads it.
    ///
    /// - Parameters:
    ///   - lines: What to append to.
    ///   - prefix: What the keys begin with.
    ///   - cursor: The cursor of the call before; nil to begin.
    ///   - byteCount: How much to write, about: a call stops at the entry that goes beyond.
    /// - Returns: What to go on from; nil at the end.
    package func appendExport(
        to lines: inout [UInt8], prefix: UnsafeRawBufferPointer, after cursor: ListingCursor?, byteCount: Int
    ) throws(CacheError) -> ListingCursor? {
        let offset = wallClock - now
        let end = lines.count + byteCount
        var start = try start(after: cursor)
        var limit = 16
        repeat {
            var entries: [ExportedEntry] = []
            // Few at a time where they are large, because all are copied in one holding of the lock.
            let next = store.scan(prefix: prefix, from: start, limit: limit, slots: 4096) { entry, tags in
                entries.append(ExportedEntry(entry, tags))
            }
            let copied = entries.reduce(0) { $0 + $1.value.valueCount }
            limit = min(64, max(1, limit * ShardedStore.bytesAtOnce / max(1, copied)))
            // The lines are written after the lock.
            for entry in entries {
                lines.append(entry, offset: offset)
                entry.value.release()
            }
            guard let next else { return nil }
            start = next
        } while lines.count < end
        return ListingCursor(process: store.hasher.identity, hash: start)
    }

    private func start(after cursor: ListingCursor?) throws(CacheError) -> UInt64 {
        guard let cursor else { return 0 }
        guard cursor.process == store.hasher.identity else {
            throw CacheError(
                .invalidCursor, "the cursor is not one that this process gave out; begin the listing again without it")
        }
        return cursor.hash
    }

    private static var slotsPerPage: Int { 100_000 }
}

/// The place in a listing to go on from. It is good for as long as the process lives that gave it out.
public struct ListingCursor: Sendable, Hashable, CustomStringConvertible {
    let process: UInt32
    let hash: UInt64

    init(process: UInt32, hash: UInt64) {
        self.process = process
        self.hash = hash
    }

    /// A cursor from its text; nil if no cursor has this text.
    public init?(_ text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 24, digits.allSatisfy({ ($0 | 0x20) >= 0x30 && ($0 | 0x20) <= 0x66 }),
            let process = UInt32(text.prefix(8), radix: 16), let hash = UInt64(text.dropFirst(8), radix: 16)
        else { return nil }
        self.init(process: process, hash: hash)
    }

    /// The cursor as text: 24 hexadecimal digits.
    public var description: String {
        func hex(_ number: some FixedWidthInteger, _ width: Int) -> String {
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: width - digits.count) + digits
        }
        return hex(process, 8) + hex(hash, 16)
    }
}
