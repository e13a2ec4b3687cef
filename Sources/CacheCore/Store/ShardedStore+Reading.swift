internal import Synchronization

extension ShardedStore {
    /// Finds a live entry, notes the use, and counts a hit or a miss.
    ///
    /// - Parameter found: Told the entry, under the shard's read lock: it must be quick, take no lock, and copy what it keeps.
    /// - Returns: What `found` returned; nil if there is no live entry.
    /// - Complexity: O(1) expected. A hit takes the shard's read lock and nothing else, but for one in some hundred that puts the uses
    ///   in order.
    @inline(__always)
    func lookup<Result: ~Copyable>(_ key: UnsafeRawBufferPointer, _ found: (Entry) -> Result) -> Result? {
        lookup(key, found: { entry, _, _ in found(entry) }, stale: { _, _ in nil })
    }

    /// What ``lookup(_:_:)`` does, for who wants to know more than a reader does.
    ///
    /// - Parameters:
    ///   - found: Told the entry, its shard, and the hash.
    ///   - stale: Told an entry that is kept past its expiry; what it returns is returned, and counts as a miss.
    @inline(__always)
    func lookup<Result: ~Copyable>(
        _ key: UnsafeRawBufferPointer, found: (Entry, UnsafeMutablePointer<Shard>, UInt64) -> Result,
        stale: (Entry, LoadNote) -> Result?
    ) -> Result? {
        let hash = hasher.hash(key)
        let (now, rank) = clock.reading()
        let index = shardIndex(hash)
        let shardGuard = guards + index
        let stripe = shardGuard.pointee.lock.lockForReading()
        let entry = shards[index].table.find(key, hash: hash)
        if let entry, entry.expiresAt > now {
            let result = found(entry, shards + index, hash)
            let isNoted =
                !isNotable(hash)
                || note(entry.slot, wordOfUse(hash: hash, rank: rank), rank: rank, at: shardGuard, stripe)
            shardGuard.pointee.lock.unlockAfterReading(stripe)
            count(.hits)
            if !isNoted { use(key, hash: hash, rank: rank) }
            return result
        }
        let isNoted = !observers.isForecast(hash) || note(UseRing.miss, hash, rank: rank, at: shardGuard, stripe)
        var isExpired = entry != nil
        var result: Result?
        if let entry, entry.isAnnotated,
            let kept = shards[index].notes.retained(hash, expiresAt: entry.expiresAt, now: now)
        {
            result = stale(entry, kept.note)
            isExpired = !kept.isStale
        }
        shardGuard.pointee.lock.unlockAfterReading(stripe)
        count(.misses)
        if !isNoted { withShard(index) { _ in observers.miss(hash) } }
        if isExpired { removeExpired(key, hash: hash, now: now) }
        return result
    }

    /// Whether a hit of the key is to be noted.
    @inline(__always)
    private func isNotable(_ hash: UInt64) -> Bool {
        ordersUses.load(ordering: .relaxed) || observers.isObserved(hash)
    }

    /// The value of a live entry, of which no use is noted and nothing counted.
    func peek(_ key: UnsafeRawBufferPointer) -> CachedValue? {
        let hash = hasher.hash(key)
        let now = clock.now()
        let index = shardIndex(hash)
        let stripe = guards[index].lock.lockForReading()
        defer { guards[index].lock.unlockAfterReading(stripe) }
        guard let entry = shards[index].table.find(key, hash: hash), entry.expiresAt > now else { return nil }
        return CachedValue(of: entry)
    }

    /// What is noted of a use: LRU wants to know when it was, the others of which key.
    @inline(__always)
    private func wordOfUse(hash: UInt64, rank: Int64) -> UInt64 {
        policy == .lru ? RankedUse(rank: rank, isSampled: observers.isForecast(hash)).word : hash
    }

    /// Notes a use, or a miss; false if there is no room.
    @inline(__always)
    private func note(
        _ slot: Slab.SlotID, _ word: UInt64, rank: Int64, at shardGuard: UnsafeMutablePointer<ShardGuard>, _ stripe: Int
    ) -> Bool {
        shardGuard.pointee.uses.note(slot, time: clock.shortRank(rank), word: word, stripe: stripe)
    }

    /// Notes a use for which there was no room, and with it all before.
    private func use(_ key: UnsafeRawBufferPointer, hash: UInt64, rank: Int64) {
        withShard(shardIndex(hash)) { noteUse(key, hash: hash, rank: rank, in: &$0) }
    }

    private func noteUse(_ key: UnsafeRawBufferPointer, hash: UInt64, rank: Int64, in shard: inout Shard) {
        guard let entry = shard.table.find(key, hash: hash) else { return }
        entry.rank = rank
        if ordersUses.load(ordering: .relaxed) { shard.order.use(entry, hash: hash) }
        observers.hit(hash, entry)
    }

    /// Finds the live entries of a batch of distinct keys, notes the uses in the order of the keys, and counts a hit or
    /// a miss each. Takes each shard's read lock once, or once for each part where a shard has many of the keys, or large values.
    func lookup(_ keys: borrowing KeyBatch) -> CachedValues {
        var values = CachedValues(count: keys.count)
        // By places: those whose uses or misses found no room in the ring, and those that were seen expired.
        var unnoted: [Int] = []
        var expired: [Int] = []
        let (now, rank) = clock.reading(uses: keys.count)
        var hits = 0
        withUnsafeTemporaryAllocation(of: Slab.SlotID.self, capacity: Self.keysAtOnce) { candidates in
            forEachShard(of: keys) { index, members in
                let shardGuard = guards + index
                var next = 0
                while next < members.count {
                    let first = next
                    let end = min(members.count, next + Self.keysAtOnce)
                    let copiedBytes = values.copiedBytes + Self.bytesAtOnce
                    let stripe = shardGuard.pointee.lock.lockForReading()
                    // Memory is slow, but answers many at a time: all places of the table are looked up first, then all entries.
                    for member in first..<end {
                        let hash = keys.hash(Int(members[member]))
                        candidates[member - first] = shards[index].table.candidate(hash: hash)
                    }
                    Entry.fetch(candidates[..<(end - first)], in: shards[index].slab)
                    while next < end, values.copiedBytes < copiedBytes {
                        let place = Int(members[next])
                        let candidate = candidates[next - first]
                        next += 1
                        keys.withKey(place) { key, hash in
                            let rank = rank + Int64(place)
                            let entry = shards[index].table.find(key, hash: hash, candidate: candidate)
                            guard let found = entry, found.expiresAt > now else {
                                if let entry, isNews(entry, hash: hash, in: shards[index].notes, now: now) {
                                    expired.append(place)
                                }
                                if observers.isForecast(hash),
                                    !note(UseRing.miss, hash, rank: rank, at: shardGuard, stripe)
                                {
                                    unnoted.append(place)
                                }
                                return
                            }
                            values.set(place, to: found)
                            hits += 1
                            guard isNotable(hash) else { return }
                            let word = wordOfUse(hash: hash, rank: rank)
                            if !note(found.slot, word, rank: rank, at: shardGuard, stripe) { unnoted.append(place) }
                        }
                    }
                    shardGuard.pointee.lock.unlockAfterReading(stripe)
                    guard !unnoted.isEmpty else { continue }
                    withShard(index) { shard in
                        for place in unnoted {
                            keys.withKey(place) { key, hash in
                                if values.isPresent(place) {
                                    noteUse(key, hash: hash, rank: rank + Int64(place), in: &shard)
                                } else {
                                    observers.miss(hash)
                                }
                            }
                        }
                    }
                    unnoted.removeAll(keepingCapacity: true)
                }
            }
        }
        if hits > 0 { count(.hits, hits) }
        if hits < keys.count { count(.misses, keys.count - hits) }
        for place in expired {
            keys.withKey(place) { key, hash in removeExpired(key, hash: hash, now: now) }
        }
        return values
    }

    /// How many keys a bulk call looks at, and about how many bytes it copies, in one holding of a lock.
    static var keysAtOnce: Int { 256 }
    static var bytesAtOnce: Int { 256 << 10 }

    /// Whether something is to be done about an expired entry: it is to go, or to be counted.
    private func isNews(_ entry: Entry, hash: UInt64, in notes: borrowing LoadNotes, now: Int64) -> Bool {
        guard entry.isAnnotated, let kept = notes.retained(hash, expiresAt: entry.expiresAt, now: now) else {
            return true
        }
        return !kept.isStale
    }

    /// Lets an entry go that a reader found expired, unless it is to be kept past that. Only the reader that comes first finds it still
    /// there, or not counted.
    func removeExpired(_ key: UnsafeRawBufferPointer, hash: UInt64, now: Int64) {
        var isCounted = true
        let block: ValueBlock? = withShard(shardIndex(hash)) { shard in
            guard let found = shard.table.find(key, hash: hash), found.expiresAt <= now else { return nil }
            if let kept = shard.retain(found, hash: hash, now: now) {
                isCounted = kept.wasStale
                return nil
            }
            let removed = remove(found, hash: hash, from: &shard)
            isCounted = removed.wasStale
            return removed.block
        }
        block?.release()
        if !isCounted { count(.expirations) }
    }

    /// Calls `body` for each shard that keys of the batch belong to, with the places of those keys in their order.
    func forEachShard(of keys: borrowing KeyBatch, _ body: (Int, UnsafeBufferPointer<Int32>) -> Void) {
        groupByShard(keys.count, hash: { keys.hash($0) }, body)
    }

    /// Groups `count` items by the shards of their hashes, keeping their order within a shard (a counting sort), and
    /// calls `body` for each shard that has any.
    func groupByShard(_ count: Int, hash: (Int) -> UInt64, _ body: (Int, UnsafeBufferPointer<Int32>) -> Void) {
        guard count > 0 else { return }
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: count) { order in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: shardCount + 1) { starts in
                starts.initialize(repeating: 0)
                for item in 0..<count { starts[shardIndex(hash(item)) + 1] += 1 }
                for shard in 0..<shardCount { starts[shard + 1] += starts[shard] }
                // Each item goes to its shard's next place; afterwards `starts` has moved up by one shard.
                for item in 0..<count {
                    let shard = shardIndex(hash(item))
                    order[Int(starts[shard])] = Int32(item)
                    starts[shard] += 1
                }
                var start = 0
                for shard in 0..<shardCount {
                    let end = Int(starts[shard])
                    if end > start { body(shard, UnsafeBufferPointer(rebasing: order[start..<end])) }
                    start = end
                }
            }
        }
    }
}
