internal import Synchronization

/// What a write found in its place.
package enum PutOutcome: Sendable, Equatable {
    /// No live entry had the key.
    case created
    /// A live entry had it, and is gone.
    case replaced
    /// What its ``WriteCondition`` asks for was not so: nothing was written.
    case conditionFailed
    /// The lease that it was to fill is over, or was lost to another change of the key, or never was: nothing was written.
    case leaseLost
}

/// What an entry that replaces another is to have of it.
struct Inheritance: OptionSet {
    let rawValue: UInt8

    static let expiry = Inheritance(rawValue: 1)
    /// Its tags, and how long it may be served past its expiry; the value is no longer the one that was loaded.
    static let notes = Inheritance(rawValue: 2)
}

/// What a removal found in its place.
package enum RemoveOutcome: Sendable, Equatable {
    /// The entry is gone.
    case removed
    /// No live entry had the key.
    case absent
    /// What its ``WriteCondition`` asks for was not so: nothing was removed.
    case conditionFailed
}

extension ShardedStore {
    /// Puts a prepared entry in, in the place of one with the same key, and takes over its reference.
    ///
    /// That it fits into the empty store was seen when it was prepared, and room that an eviction made is kept for it: it gets in,
    /// unless the system has less memory than the store may hold.
    ///
    /// - Parameters:
    ///   - entry: The entry.
    ///   - now: The time.
    ///   - condition: What must hold of the live entry that has the key; nil for nothing.
    ///   - keeps: What it is to have of that.
    ///   - lease: The lease of the key that the writer must have; nil for none. Any write takes it away.
    /// - Throws: ``CacheError/Code/insufficientStorage`` if memory is exhausted; what had the key is still there then.
    /// - Complexity: O(1) expected, and as many evictions as the entry needs.
    func put(
        _ entry: PreparedEntry, now: Int64, if condition: WriteCondition? = nil, keeping keeps: Inheritance = [],
        filling lease: Lease? = nil
    ) throws(CacheError) -> PutOutcome {
        var entry = entry
        let isPlain = condition == nil && keeps.isEmpty && lease == nil
        let shard = shardIndex(entry.hash)
        let layout = layout(of: entry)
        var room = Ledger.Room()
        defer {
            entry.block.release()
            ledger.release(&room)
        }
        var isNoted = false
        while true {
            let attempt = withShard(shard) { shard in
                if !isPlain {
                    let found = live(entry.block.key, hash: entry.hash, in: shard, now: now)
                    if let lease, !holds(lease, entry.hash, in: shard) { return Attempt.leaseLost }
                    if let condition, !condition.isMet(by: found) { return Attempt.conditionFailed }
                    if let found {
                        if keeps.contains(.expiry) { entry.expiresAt = found.expiresAt }
                        if keeps.contains(.notes), found.isAnnotated {
                            entry.tags = shard.tags.tags(of: entry.hash)
                            entry.note = shard.notes[entry.hash]?.note
                        }
                    }
                }
                return place(entry, layout, in: &shard, room: &room, isNoted: &isNoted)
            }
            switch attempt {
            case .done(let placed):
                if let lease, !lease.isOwn { count(.leasesFilled) }
                return finish(placed, now: now)
            case .conditionFailed: return .conditionFailed
            case .leaseLost:
                if let lease, !lease.isOwn { count(.leasesLost) }
                return .leaseLost
            case .lacksRoom: makeRoom(&room, for: shard, entry, layout, now: now)
            case .lacksMemory:
                throw CacheError(
                    .insufficientStorage, "memory is exhausted: the system has less than the cache may hold")
            }
        }
    }

    /// Puts prepared entries in, in their order, and takes over their references. Takes each shard's write lock once, or once for
    /// each part where a shard has many of them, or large ones, and when room has to be made.
    ///
    /// - Parameter isRestored: Whether they come from before what was changed since ``beginRestore()``, and give way to it.
    /// - Returns: How many could not be put in because memory is exhausted, and how many gave way.
    func put(_ entries: [PreparedEntry], now: Int64, isRestored: Bool = false) -> (refused: Int, superseded: Int) {
        var room = Ledger.Room()
        var refused = 0
        var superseded = 0
        let hash = { (place: Int) in entries[place].hash }
        groupByShard(entries.count, hash: hash) { index, members in
            var next = 0
            var isNoted = false
            var displaced: [Placement] = []
            displaced.reserveCapacity(members.count)
            while next < members.count {
                let end = min(members.count, next + Self.keysAtOnce)
                var bytes = 0
                let lacksRoom = withShard(index) { shard in
                    while next < end, bytes < Self.bytesAtOnce {
                        let entry = entries[Int(members[next])]
                        if isRestored, isSuperseded(entry, in: shard, now: now) {
                            superseded += 1
                            next += 1
                            continue
                        }
                        switch place(
                            entry, layout(of: entry), in: &shard, room: &room, isNoted: &isNoted, isRestored: isRestored
                        ) {
                        case .done(let placed): displaced.append(placed)
                        case .lacksRoom: return true
                        case .lacksMemory: refused += 1
                        case .conditionFailed, .leaseLost: preconditionFailure("nothing was asked for")
                        }
                        bytes += entry.block.valueCount
                        next += 1
                        isNoted = false
                    }
                    return false
                }
                if lacksRoom {
                    let entry = entries[Int(members[next])]
                    makeRoom(&room, for: index, entry, layout(of: entry), now: now)
                }
            }
            for placed in displaced { _ = finish(placed, now: now) }
            for member in members { entries[Int(member)].block.release() }
        }
        ledger.release(&room)
        return (refused, superseded)
    }

    /// Whether an entry that is restored gives way to what has been done with its key meanwhile.
    private func isSuperseded(_ entry: PreparedEntry, in shard: borrowing Shard, now: Int64) -> Bool {
        shard.changes?.contains(entry) == true || live(entry.block.key, hash: entry.hash, in: shard, now: now) != nil
    }

    /// Removes the live entry that has this key.
    ///
    /// - Parameter condition: What must hold of it; nil for nothing.
    func remove(_ key: UnsafeRawBufferPointer, hash: UInt64, if condition: WriteCondition? = nil) -> RemoveOutcome {
        let now = clock.now()
        var isMet = true
        let removed: Removed? = withShard(shardIndex(hash)) { shard in
            if let condition, let found = live(key, hash: hash, in: shard, now: now), !condition.isMet(by: found) {
                isMet = false
                return nil
            }
            observers.delete(hash)
            noteChange(of: key, hash: hash, in: &shard)
            return shard.table.find(key, hash: hash).map { remove($0, hash: hash, from: &shard) }
        }
        guard isMet else { return .conditionFailed }
        guard let removed, discard(removed, as: .deletes, now: now) else { return .absent }
        return .removed
    }

    /// Lets the live entries of a batch of distinct keys expire at another time, taking each shard's write lock once, or once
    /// for each part where a shard has many of them. It is a use of the keys.
    ///
    /// - Parameters:
    ///   - keys: The keys.
    ///   - lifetime: Nanoseconds from now; nil for no end.
    /// - Returns: How many there were.
    func touch(_ keys: borrowing KeyBatch, lifetime: Int64?) -> Int {
        let (now, rank) = clock.reading(uses: keys.count)
        let expiresAt = Self.expiry(after: lifetime, from: now)
        var count = 0
        forEachShard(of: keys) { index, members in
            for start in stride(from: 0, to: members.count, by: Self.keysAtOnce) {
                withShard(index) { shard in
                    for member in members[start..<min(start + Self.keysAtOnce, members.count)] {
                        let place = Int(member)
                        keys.withKey(place) { key, hash in
                            guard let found = live(key, hash: hash, in: shard, now: now) else { return }
                            shard.expire(found, at: expiresAt)
                            found.rank = rank + Int64(place)
                            if ordersUses.load(ordering: .relaxed) { shard.order.use(found, hash: hash) }
                            observers.touch(hash, found)
                            count += 1
                        }
                    }
                }
            }
        }
        return count
    }

    /// The entry with this key if it is alive.
    func live(
        _ key: UnsafeRawBufferPointer, hash: UInt64, in shard: borrowing Shard, now: Int64
    ) -> Entry? {
        guard let found = shard.table.find(key, hash: hash), found.expiresAt > now else { return nil }
        return found
    }

    /// Removes the live entries of a batch of distinct keys, taking each shard's write lock once.
    ///
    /// - Returns: How many there were.
    func remove(_ keys: borrowing KeyBatch) -> Int {
        let now = clock.now()
        var count = 0
        forEachShard(of: keys) { index, members in
            var removed: [Removed] = []
            withShard(index) { shard in
                for member in members {
                    keys.withKey(Int(member)) { key, hash in
                        observers.delete(hash)
                        noteChange(of: key, hash: hash, in: &shard)
                        if let found = shard.table.find(key, hash: hash) {
                            removed.append(remove(found, hash: hash, from: &shard))
                        }
                    }
                }
            }
            for entry in removed where discard(entry, as: .deletes, now: now) { count += 1 }
        }
        return count
    }

    // MARK: Under the lock, and after it

    /// What a placed entry displaced; to be let go of after the lock.
    private struct Placement {
        var old: Removed?
    }

    private enum Attempt {
        case done(Placement)
        case conditionFailed
        case leaseLost
        /// More has to be evicted.
        case lacksRoom
        /// The system has none left, though the store may hold more.
        case lacksMemory
    }

    private func layout(of entry: PreparedEntry) -> EntryLayout {
        layout(keyCount: entry.block.keyCount, valueCount: entry.block.valueCount)
    }

    /// Puts an entry in if there is room for it, and for the table where it must grow. All memory is had before anything of
    /// the entries is changed.
    ///
    /// - Parameters:
    ///   - isNoted: Whether an earlier attempt has noted the use of the key that a replacement is.
    ///   - isRestored: Whether it comes from before all changes.
    private func place(
        _ entry: PreparedEntry, _ layout: EntryLayout, in shard: inout Shard, room: inout Ledger.Room,
        isNoted: inout Bool, isRestored: Bool = false
    ) -> Attempt {
        let old = shard.table.find(entry.block.key, hash: entry.hash)
        // How much is needed at most; that the entry which is replaced leaves some is not relied upon.
        let notesBytes = shard.bytesOfNotes(of: entry)
        var needed = shard.slab.pagesNeeded(for: layout) * shard.slab.pageCost + layout.externalBytes + notesBytes
        if let old {
            let isInPlace = old.hasSameSlots(as: layout)
            if isInPlace { needed = layout.externalBytes - old.layout.externalBytes + notesBytes }
            guard ledger.enlarge(&room, toEntries: 0, bytes: needed) else {
                // The write is a use of the key: all others go before the entry that it is to replace.
                if !isNoted {
                    isNoted = true
                    old.rank = entry.rank
                    shard.order.use(old, hash: entry.hash)
                }
                return .lacksRoom
            }
            let held = shard.footprint
            guard isInPlace || shard.slab.takePages(for: layout) else { return .lacksMemory }
            let expiresAt = old.expiresAt
            let wasStale = shard.isStale(old, hash: entry.hash)
            let block = shard.replace(
                old, with: entry, layout: layout, isUse: !isNoted && ordersUses.load(ordering: .relaxed))
            observers.put(entry)
            room.fill(entries: 0, bytes: shard.footprint - held)
            noteChange(of: entry.block.key, hash: entry.hash, in: &shard, isRestored: isRestored)
            return .done(Placement(old: Removed(expiresAt: expiresAt, wasStale: wasStale, block: block)))
        }
        while !shard.table.hasRoom {
            let growth = shard.table.growth
            guard ledger.enlarge(&room, toEntries: 1, bytes: needed + growth) else { return .lacksRoom }
            guard shard.table.grow() else { return .lacksMemory }
            room.fill(entries: 0, bytes: growth)
        }
        guard ledger.enlarge(&room, toEntries: 1, bytes: needed) else { return .lacksRoom }
        let held = shard.footprint
        guard shard.slab.takePages(for: layout) else { return .lacksMemory }
        shard.insert(entry, layout: layout)
        room.fill(entries: 1, bytes: shard.footprint - held)
        noteChange(of: entry.block.key, hash: entry.hash, in: &shard, isRestored: isRestored)
        observers.put(entry)
        if !ordersUses.load(ordering: .relaxed), ledger.isHalfFull { ordersUses.store(true, ordering: .relaxed) }
        growHistory(of: &shard, room: &room)
        return .done(Placement(old: nil))
    }

    /// Lets the policy remember more keys, if it should. A policy's history serves evictions: a large shard begins it when the
    /// store is half full. Without memory for it, the policy makes do with what it has.
    private func growHistory(of shard: inout Shard, room: inout Ledger.Room) {
        guard let growth = shard.order.historyGrowth else { return }
        guard shard.order.count < Self.entriesWithHistory || ledger.isHalfFull else { return }
        if ledger.enlarge(&room, toEntries: 0, bytes: growth) {
            shard.order.growHistory()
            room.fill(entries: 0, bytes: growth)
        }
    }

    private func finish(_ placed: Placement, now: Int64) -> PutOutcome {
        count(.puts)
        var outcome = PutOutcome.created
        if let old = placed.old, discard(old, as: .replacements, now: now) { outcome = .replaced }
        return outcome
    }

    /// Counts an entry that was taken out, under `cause` if it was still alive, and lets go of it.
    ///
    /// - Returns: True if it was alive.
    func discard(_ removed: Removed, as cause: CacheCounter, now: Int64) -> Bool {
        let wasAlive = removed.expiresAt > now
        removed.block?.release()
        if wasAlive { count(cause) } else if !removed.wasStale { count(.expirations) }
        return wasAlive
    }
}
