/// What a write found in its place.
package enum PutOutcome: Sendable, Equatable {
    /// No live entry had the key.
    case created
    /// A live entry had it, and is gone.
    case replaced
}

extension ShardedStore {
    /// Makes an entry, to be put in later: allocates it and lets `fill` write the value.
    ///
    /// - Parameter lifetime: Nanoseconds from now; nil for no end.
    /// - Throws: ``CacheError/Code/invalidKey``, ``CacheError/Code/keyTooLong``, ``CacheError/Code/valueTooLarge``, or
    ///   ``CacheError/Code/insufficientStorage`` if the entry is larger than the whole cache or memory is exhausted.
    func prepare(
        key: UnsafeRawBufferPointer, valueCount: Int, lifetime: Int64?, at time: (now: Int64, rank: Int64),
        fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(CacheError) -> Entry {
        try Self.validate(key: key)
        guard valueCount <= Entry.maximumValueCount else {
            throw CacheError(
                .valueTooLarge, "the value has \(valueCount) bytes; at most \(Entry.maximumValueCount) can be stored")
        }
        let entry = Entry.allocate(
            key: key, hash: hasher.hash(key), valueCount: valueCount, storedAt: time.now,
            expiresAt: Self.expiry(after: lifetime, from: time.now), rank: time.rank)
        guard let entry else {
            throw CacheError(
                .insufficientStorage, "memory is exhausted: an entry of \(valueCount) bytes could not be had")
        }
        if let memoryLimit, entry.footprint > memoryLimit - emptyFootprint {
            let footprint = entry.footprint
            entry.release()
            throw CacheError(
                .insufficientStorage,
                "the entry takes \(footprint) bytes; the cache may hold \(memoryLimit - emptyFootprint) in all")
        }
        entry.write(fill)
        return entry
    }

    private static func expiry(after lifetime: Int64?, from now: Int64) -> Int64 {
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

    /// Puts a prepared entry in, in the place of one with the same key, and takes over its reference.
    ///
    /// It always gets in: that it fits into the empty store was seen when it was prepared, and room that an eviction made
    /// is kept for it.
    ///
    /// - Complexity: O(1) expected, and as many evictions as the entry needs.
    func put(_ entry: Entry, now: Int64) -> PutOutcome {
        let shard = shardIndex(entry.hash)
        var room = Ledger.Room()
        while true {
            if let placed = withShard(shard, { place(entry, in: &$0, room: &room) }) {
                ledger.release(&room)
                return finish(placed, now: now)
            }
            makeRoom(&room, now: now)
        }
    }

    /// Puts prepared entries in, in their order, and takes over their references. Takes each shard's write lock once,
    /// unless room has to be made.
    func put(_ entries: [Entry], now: Int64) {
        var room = Ledger.Room()
        let hash = { (place: Int) in entries[place].hash }
        groupByShard(entries.count, hash: hash) { index, members in
            var next = 0
            var displaced: [Placement] = []
            displaced.reserveCapacity(members.count)
            while next < members.count {
                withShard(index) { shard in
                    while next < members.count, let placed = place(entries[Int(members[next])], in: &shard, room: &room)
                    {
                        displaced.append(placed)
                        next += 1
                    }
                }
                if next < members.count { makeRoom(&room, now: now) }
            }
            for placed in displaced { _ = finish(placed, now: now) }
        }
        ledger.release(&room)
    }

    /// Removes the live entry that has this key.
    ///
    /// - Returns: False if there was none.
    func remove(_ key: UnsafeRawBufferPointer, hash: UInt64) -> Bool {
        let now = clock.now()
        let removed: Entry? = withShard(shardIndex(hash)) { shard in
            shard.table.find(key, hash: hash).map { remove($0, from: &shard) }
        }
        guard let removed else { return false }
        return discard(removed, as: .deletes, now: now)
    }

    /// Removes the live entries of a batch of distinct keys, taking each shard's write lock once.
    ///
    /// - Returns: How many there were.
    func remove(_ keys: borrowing KeyBatch) -> Int {
        let now = clock.now()
        var count = 0
        forEachShard(of: keys) { index, members in
            var removed: [Entry] = []
            withShard(index) { shard in
                for member in members {
                    keys.withKey(Int(member)) { key, hash in
                        if let found = shard.table.find(key, hash: hash) { removed.append(remove(found, from: &shard)) }
                    }
                }
            }
            for entry in removed where discard(entry, as: .deletes, now: now) { count += 1 }
        }
        return count
    }

    // MARK: Under the lock, and after it

    /// What a placed entry displaced; to be released after the lock.
    private struct Placement {
        var old: Entry?
    }

    /// Puts an entry in if there is room for it, and for the table where it must grow; nil if there is not.
    private func place(_ entry: Entry, in shard: inout Shard, room: inout Ledger.Room) -> Placement? {
        if let old = shard.table.find(entry.key, hash: entry.hash) {
            let growth = entry.footprint - old.footprint
            guard ledger.enlarge(&room, toEntries: 0, bytes: growth) else {
                // The write is a use of the key: all others go before the entry that it is to replace.
                shard.use(old, rank: entry.lastUse)
                return nil
            }
            shard.replace(old, with: entry)
            room.fill(entries: 0, bytes: growth)
            return Placement(old: old)
        }
        guard ledger.enlarge(&room, toEntries: 1, bytes: entry.footprint) else { return nil }
        while !shard.insert(entry) {
            let growth = shard.table.growth
            guard ledger.enlarge(&room, toEntries: 1, bytes: entry.footprint + growth) else { return nil }
            shard.table.grow()
            room.fill(entries: 0, bytes: growth)
        }
        room.fill(entries: 1, bytes: entry.footprint)
        return Placement(old: nil)
    }

    private func finish(_ placed: Placement, now: Int64) -> PutOutcome {
        count(.puts)
        var outcome = PutOutcome.created
        if let old = placed.old, discard(old, as: .replacements, now: now) { outcome = .replaced }
        return outcome
    }

    /// Counts an entry that was removed, under `cause` if it was still alive, and releases it.
    ///
    /// - Returns: True if it was alive.
    func discard(_ entry: Entry, as cause: CacheCounter, now: Int64) -> Bool {
        let wasAlive = entry.expiresAt > now
        entry.release()
        count(wasAlive ? cause : .expirations)
        return wasAlive
    }
}
