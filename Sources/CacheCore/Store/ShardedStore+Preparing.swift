/// Entries on their way in: all that can be done without a lock.
extension ShardedStore {
    /// Makes an entry, to be put in later: allocates it and lets `fill` write the value.
    ///
    /// - Parameters:
    ///   - lifetime: Nanoseconds from now; nil for no end.
    ///   - filled: A block that has key and value already, a reference to which passes to the entry; nil to make one.
    /// - Throws: ``CacheError/Code/invalidKey``, ``CacheError/Code/keyTooLong``, ``CacheError/Code/valueTooLarge``, or
    ///   ``CacheError/Code/insufficientStorage`` if the entry is larger than the whole cache or memory is exhausted.
    func prepare(
        key: UnsafeRawBufferPointer, valueCount: Int, lifetime: Int64?, at time: (now: Int64, rank: Int64),
        tags: TagList? = nil, note: LoadNote? = nil, validator: [UInt8]? = nil,
        in filled: () -> ValueBlock? = { nil }, fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(CacheError) -> PreparedEntry {
        try Self.validate(key: key)
        guard valueCount <= Entry.maximumValueCount else {
            throw CacheError(
                .valueTooLarge, "the value has \(valueCount) bytes; at most \(Entry.maximumValueCount) can be stored")
        }
        let layout = layout(keyCount: key.count, valueCount: valueCount)
        let validator = validator.flatMap { $0.count <= LoadNotes.mostValidatorBytes ? $0 : nil }
        let footprint =
            layout.footprint(in: geometry) + (tags.map { TagIndex.footprint(of: $0) } ?? 0)
            + (note == nil ? 0 : LoadNotes.footprint(validator: validator))
        func prepared(_ block: ValueBlock) -> PreparedEntry {
            PreparedEntry(
                block: block, hash: hasher.hash(block.key), storedAt: time.now,
                expiresAt: Self.expiry(after: lifetime, from: time.now), rank: time.rank, tags: tags, note: note,
                validator: validator)
        }
        if let memoryLimit, footprint > memoryLimit - emptyFootprint {
            throw CacheError(
                .insufficientStorage,
                "the entry takes \(footprint) bytes; the cache may hold "
                    + "\(memoryLimit - emptyFootprint) in all")
        }
        if layout.isExternal, let block = filled() {
            block.seal()
            return prepared(block)
        }
        guard let block = ValueBlock.allocate(key: key, valueCount: valueCount, isMapped: layout.isExternal) else {
            throw CacheError(
                .insufficientStorage, "memory is exhausted: an entry of \(valueCount) bytes could not be had")
        }
        fill(block.unwrittenValue)
        block.seal()
        return prepared(block)
    }

    /// Whether an entry stands in a ``ValueBlock`` of its own.
    func isExternal(keyCount: Int, valueCount: Int) -> Bool {
        keyCount <= Entry.maximumKeyCount && layout(keyCount: keyCount, valueCount: valueCount).isExternal
    }

    func layout(keyCount: Int, valueCount: Int) -> EntryLayout {
        EntryLayout(keyCount: keyCount, valueCount: valueCount, in: geometry)
    }

    static func expiry(after lifetime: Int64?, from now: Int64) -> Int64 {
        guard let lifetime else { return Entry.never }
        let (expiry, overflow) = now.addingReportingOverflow(lifetime)
        return overflow ? Entry.never : expiry
    }

    static func validate(key: UnsafeRawBufferPointer) throws(CacheError) {
        guard key.count > 0 else { throw CacheError(.invalidKey, "the key is empty; it must have at least 1 byte") }
        guard key.count <= Entry.maximumKeyCount else {
            throw CacheError(
                .keyTooLong, "the key has \(key.count) bytes; it may have at most \(Entry.maximumKeyCount)")
        }
    }
}
