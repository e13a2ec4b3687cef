internal import Synchronization

extension ShardedStore {
    /// The live entries whose keys begin with `prefix`, from a place in the order of the hashes on.
    ///
    /// An entry that is present all the time is met exactly once on the way through, whatever is written meanwhile.
    ///
    /// - Parameters:
    ///   - prefix: What the keys begin with.
    ///   - start: The hash to go on from; 0 at first.
    ///   - limit: How many entries to return. Entries that share a hash come together, so there may be a few more.
    ///   - slots: How many slots of the tables to look at, about.
    ///   - visit: Told each entry, and the tags of its shard, under a shard's read lock: it must be quick, take no lock, and copy what it keeps.
    /// - Returns: The hash to go on from; nil at the end.
    func scan(
        prefix: UnsafeRawBufferPointer, from start: UInt64, limit: Int, slots: Int,
        _ visit: (Entry, borrowing TagIndex) -> Void
    ) -> UInt64? {
        let now = clock.now()
        var start = start
        var wanted = limit
        var slots = slots
        while true {
            let index = shardIndex(start)
            let step = min(slots, Self.scanBatch)
            let stripe = guards[index].lock.lockForReading()
            let next = shards[index].table.scan(from: start, limit: step) { entry in
                if entry.expiresAt > now, entry.key.starts(with: prefix) {
                    visit(entry, shards[index].tags)
                    wanted -= 1
                }
                return wanted > 0
            }
            guards[index].lock.unlockAfterReading(stripe)
            slots -= step
            if let next {
                start = next
            } else {
                guard index + 1 < shardCount else { return nil }
                start = firstHash(ofShard: index + 1)
            }
            if wanted <= 0 || slots <= 0 { return start }
        }
    }

    /// Removes all live entries whose keys begin with `prefix`.
    ///
    /// - Returns: How many there were.
    /// - Complexity: O(*n*) for *n* entries in the store, in steps that hold a lock only briefly.
    func removeAll(prefix: UnsafeRawBufferPointer) -> Int {
        let now = clock.now()
        var count = 0
        for index in 0..<shardCount {
            var start: UInt64? = firstHash(ofShard: index)
            while let from = start {
                var removed: [Removed] = []
                start = withShard(index) { shard in
                    // First of all: who fills one before has put an entry that is found; who takes one later begins to load after.
                    if from == firstHash(ofShard: index) { noteRemoval(prefix: prefix, in: &shard) }
                    var found: [Entry] = []
                    var bytes = 0
                    let next = shard.table.scan(from: from, limit: Self.scanBatch) { entry in
                        if entry.key.starts(with: prefix) {
                            found.append(entry)
                            bytes += entry.valueCount
                        }
                        return bytes < Self.mostBytesRemoved
                    }
                    for entry in found {
                        let hash = entry.hash
                        observers.delete(hash)
                        removed.append(remove(entry, hash: hash, from: &shard))
                    }
                    return next
                }
                for entry in removed where discard(entry, as: .deletes, now: now) { count += 1 }
            }
        }
        // At the end: who had a lease before has noted by now what it does not know any more.
        if hasAbsences.load(ordering: .relaxed) { absences.load()?.forgetAll(prefix: prefix) }
        return count
    }

    /// Removes all live entries that have a tag now. All leases are revoked: nobody knows the tags of what is only being loaded.
    ///
    /// - Parameter spared: The lease of who removes them, and goes on to fill its key.
    /// - Returns: How many there were.
    /// - Complexity: O(*n*) for *n* entries with the tag, and O(`shardCount`), in steps that hold a lock only briefly.
    func removeAll(tag: [UInt8], sparing spared: Lease? = nil) -> Int {
        let now = clock.now()
        var count = 0
        for index in 0..<shardCount {
            // Not those that come meanwhile, or it might go on for ever: the first on the list are those that were there.
            var left = withShard(index) { shard in
                noteRemoval(
                    prefix: UnsafeRawBufferPointer(start: nil, count: 0), tag: tag, sparing: spared, in: &shard)
                return shard.tags.count(of: tag)
            }
            while left > 0 {
                var removed: [Removed] = []
                withShard(index) { shard in
                    for hash in shard.tags.members(of: tag, atMost: min(left, Self.keysAtOnce)) {
                        guard let entry = shard.table.find(hash: hash) else {
                            preconditionFailure("a tag names an entry that is not there")
                        }
                        observers.delete(hash)
                        removed.append(remove(entry, hash: hash, from: &shard))
                    }
                }
                for entry in removed where discard(entry, as: .deletes, now: now) { count += 1 }
                left = removed.isEmpty ? 0 : left - removed.count
            }
        }
        return count
    }

    /// Removes all live entries that have a tag now, and keys that begin with `prefix`.
    ///
    /// - Parameter spared: As above.
    /// - Returns: How many there were.
    /// - Complexity: O(*n*) for *n* entries with the tag, whatever their keys, and O(`shardCount`).
    func removeAll(tag: [UInt8], prefix: [UInt8], sparing spared: Lease? = nil) -> Int {
        let now = clock.now()
        var count = 0
        for index in 0..<shardCount {
            let members = withShard(index) { shard in
                prefix.withUnsafeBytes { noteRemoval(prefix: $0, tag: tag, sparing: spared, in: &shard) }
                return shard.tags.members(of: tag, atMost: .max)
            }
            for start in stride(from: 0, to: members.count, by: Self.keysAtOnce) {
                var removed: [Removed] = []
                withShard(index) { shard in
                    for hash in members[start..<min(start + Self.keysAtOnce, members.count)] {
                        // It may be gone, or have other tags by now.
                        guard let entry = shard.table.find(hash: hash), entry.key.starts(with: prefix),
                            shard.tags.tags(of: hash)?.names.contains(tag) == true
                        else { continue }
                        observers.delete(hash)
                        removed.append(remove(entry, hash: hash, from: &shard))
                    }
                }
                for entry in removed where discard(entry, as: .deletes, now: now) { count += 1 }
            }
        }
        return count
    }

    private func firstHash(ofShard index: Int) -> UInt64 {
        shardCount == 1 ? 0 : UInt64(index) << UInt64(64 - shardCount.trailingZeroBitCount)
    }

    /// How many slots are looked at in one holding of a lock.
    private static var scanBatch: Int { 1024 }

    /// How many bytes of values are removed in one holding of a lock, about.
    private static var mostBytesRemoved: Int { 4 << 20 }
}
