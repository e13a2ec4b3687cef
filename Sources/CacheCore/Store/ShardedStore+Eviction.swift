internal import Synchronization
internal import Threading

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension ShardedStore {
    /// Lets expired entries go if there are any, else those that the policy names, whose room the caller gets. May do neither
    /// when others have just taken all room: try again then.
    ///
    /// - Parameters:
    ///   - room: What the caller has; it grows.
    ///   - shard: Where an entry is to come.
    ///   - entry: That entry: if its key is there already, what has it goes last of all.
    ///   - layout: The entry's.
    /// - Complexity: O(`shardCount`), and as many evictions as it takes, up to a bound.
    func makeRoom(
        _ room: inout Ledger.Room, for shard: Int, _ entry: PreparedEntry, _ layout: EntryLayout, now: Int64
    ) {
        makeRoom(&room, for: shard, RoomNeed(layout: layout, key: entry.block.key), now: now)
    }

    /// What a writer needs room for.
    struct RoomNeed {
        /// An entry of this layout; nil for none.
        var layout: EntryLayout?
        /// Its key: what has it already goes last of all.
        var key = UnsafeRawBufferPointer(start: nil, count: 0)
        /// Bytes that are not in pages.
        var bytes = 0
    }

    func makeRoom(_ room: inout Ledger.Room, for shard: Int, _ need: RoomNeed, now: Int64) {
        // Where entries alone are lacking, a page is of no use.
        let lacksEntries = lacksEntries(need)
        if expireForRoom(now: now) || !lacksEntries && spareAPage(into: &room) { return }
        if !lacksEntries { observers.fit(to: ledger.entries) }
        var victims = Victims(now: now)
        if staleCount > 0 { evictStale(for: shard, need, into: &room, &victims) }
        if victims.count > 0 {
            // None that is alive has to go.
        } else if policy == .lru {
            evictOldest(for: shard, need, into: &room, &victims)
        } else {
            evict(for: shard, need, into: &room, &victims)
        }
        if victims.count > 0 {
            count(.evictions, victims.alive)
            count(.expirations, victims.expired)
            for block in victims.blocks { block.release() }
        } else if !revokeLeases(into: &room) {
            // Nothing is left to evict: all room is with writers that are about to fill it or, like this one, wait for more.
            ledger.release(&room)
            sched_yield()
        }
    }

    private func lacksEntries(_ need: RoomNeed) -> Bool { need.layout != nil && ledger.entries >= capacity ?? .max }

    /// Takes all leases away, where they are all that is left to make room: that they are lost costs a load, no more.
    ///
    /// - Returns: Whether there were any.
    private func revokeLeases(into room: inout Ledger.Room) -> Bool {
        let before = room.bytes
        for index in 0..<shardCount where summaries[index].hasLeases.load(ordering: .relaxed) {
            withShard(index) { shard in
                let bytes = shard.footprint
                shard.leases.removeAll(prefix: UnsafeRawBufferPointer(start: nil, count: 0))
                room.bytes += bytes - shard.footprint
            }
        }
        return room.bytes > before
    }

    /// What was evicted: to be counted, and let go of after the lock.
    private struct Victims {
        let now: Int64
        var count = 0
        var alive = 0
        /// Those that expired, which nobody had seen.
        var expired = 0
        var blocks: [ValueBlock] = []

        mutating func add(_ removed: Removed) {
            count += 1
            if removed.expiresAt > now {
                alive += 1
            } else if !removed.wasStale {
                expired += 1
            }
            if let block = removed.block { blocks.append(block) }
        }
    }

    /// Takes `first` out of its shard, whose write lock is held, and more that `next` names, until an entry of this layout finds room; or
    /// a bounded number of them.
    ///
    /// Of one holding of the lock, because another writer would put a small entry where one has just left, and the page that a large one
    /// waits for would never become free.
    private func evict(
        _ first: Entry, from shard: inout Shard, isItsShard: Bool, _ need: RoomNeed, into room: inout Ledger.Room,
        _ victims: inout Victims, next: (inout Shard) -> Entry?
    ) {
        // Where entries alone are lacking, one is enough.
        let lacksEntries = lacksEntries(need)
        let slab = shard.slab
        var victim = first
        while true {
            victims.add(remove(victim, hash: victim.hash, from: &shard, leaving: &room))
            if slab.classWithSparePage != nil {
                let bytes = shard.footprint
                _ = shard.spareAPage()
                room.bytes += bytes - shard.footprint
            }
            let pages =
                need.layout.map { isItsShard ? slab.pagesNeeded(for: $0) : $0.pagesAlone(in: geometry) } ?? 0
            let bytes = pages * geometry.pageCost + (need.layout?.externalBytes ?? 0) + need.bytes
            guard !lacksEntries, victims.count < Self.mostVictims, room.bytes + ledger.freeBytes < bytes,
                let more = next(&shard)
            else { return }
            victim = more
        }
    }

    /// How many entries leave in one holding of a lock.
    private static var mostVictims: Int { 256 }

    /// Frees a page whose entries have room elsewhere, if there is one.
    private func spareAPage(into room: inout Ledger.Room) -> Bool {
        for index in 0..<shardCount where summaries[index].hasSparePage.load(ordering: .relaxed) {
            let isSpared = withShard(index) { shard in
                let bytes = shard.footprint
                let isSpared = shard.spareAPage()
                room.bytes += bytes - shard.footprint
                return isSpared
            }
            if isSpared { return true }
        }
        return false
    }

    /// Takes out the entry of a shard that has been kept past its expiry longest, and more of them if need be: before any that is alive.
    /// Of this shard, if it has any.
    private func evictStale(
        for index: Int, _ need: RoomNeed, into room: inout Ledger.Room, _ victims: inout Victims
    ) {
        func hasStale(_ index: Int) -> Bool { summaries[index].staleCount.load(ordering: .relaxed) > 0 }
        guard let chosen = hasStale(index) ? index : (0..<shardCount).first(where: hasStale) else { return }
        func oldest(_ shard: borrowing Shard) -> Entry? {
            guard let hash = shard.notes.firstStale else { return nil }
            guard let entry = shard.table.find(hash: hash) else {
                preconditionFailure("a note is of an entry that is not there")
            }
            return entry
        }
        withShard(chosen) { shard in
            guard let first = oldest(shard) else { return }
            evict(first, from: &shard, isItsShard: chosen == index, need, into: &room, &victims) { oldest($0) }
        }
    }

    /// Takes out the entry that was used longest ago, of all, and more if need be.
    private func evictOldest(
        for index: Int, _ need: RoomNeed, into room: inout Ledger.Room, _ victims: inout Victims
    ) {
        var looks = 0
        while victims.count == 0, let candidate = oldestShard() {
            looks += 1
            withShard(candidate.index) { shard in
                // It may have been used since it was published: then another shard's may be older. One look at each
                // shard finds the oldest of all, unless others go on using what is looked at: then any will do.
                guard let oldest = shard.order.victim(), oldest.rank <= candidate.nextOldest || looks > shardCount
                else {
                    return
                }
                let isItsShard = candidate.index == index
                evict(oldest, from: &shard, isItsShard: isItsShard, need, into: &room, &victims) { shard in
                    shard.order.victim().flatMap { $0.rank <= candidate.nextOldest ? $0 : nil }
                }
            }
        }
    }

    /// Takes out the entry that the order of a shard names, and more if need be: of this one, unless it has less than its share of all
    /// entries, else of the one that has most. So shards stay alike, as each is to be a small image of the whole.
    private func evict(
        for index: Int, _ need: RoomNeed, into room: inout Ledger.Room, _ victims: inout Victims
    ) {
        let held = ledger.entries
        let hasItsShare = summaries[index].count.load(ordering: .relaxed) * shardCount >= held
        var candidate = hasItsShare ? index : fullestShard()
        while victims.count == 0, let chosen = candidate {
            withShard(chosen) { shard in
                guard let first = victim(of: &shard, sparing: need.key) else { return }
                evict(first, from: &shard, isItsShard: chosen == index, need, into: &room, &victims) { shard in
                    victim(of: &shard, sparing: need.key)
                }
            }
            candidate = fullestShard()
        }
    }

    /// The entry that the order of a shard names; another, if there is one, if it has this key.
    private func victim(of shard: inout Shard, sparing key: UnsafeRawBufferPointer) -> Entry? {
        guard let victim = shard.order.victim() else { return nil }
        guard victim.hasKey(key) else { return victim }
        return shard.order.victim(besides: victim) ?? victim
    }

    /// The shard with the most entries; nil if all are empty.
    private func fullestShard() -> Int? {
        var index: Int?
        var most = 0
        for shard in 0..<shardCount {
            let count = summaries[shard].count.load(ordering: .relaxed)
            if count > most { (index, most) = (shard, count) }
        }
        return index
    }

    /// The shard whose published oldest use is the oldest of all, and the oldest that the others published.
    private func oldestShard() -> (index: Int, nextOldest: Int64)? {
        var index = 0
        var oldest = Int64.max
        var nextOldest = Int64.max
        for shard in 0..<shardCount {
            let use = summaries[shard].oldestUse.load(ordering: .relaxed)
            if use < oldest {
                nextOldest = oldest
                oldest = use
                index = shard
            } else if use < nextOldest {
                nextOldest = use
            }
        }
        return oldest == .max ? nil : (index, nextOldest)
    }

    /// Looks for expired entries in all shards, once a tick of their wheels, until some are found.
    private func expireForRoom(now: Int64) -> Bool {
        let tick = now / TimerWheel.tick
        let last = sweptTick.load(ordering: .relaxed)
        guard tick > last else { return false }
        for index in 0..<shardCount {
            var isComplete = false
            while !isComplete {
                let step = expire(index, now: now, budget: Self.expiryBatch)
                if step.removed > 0 { return true }
                isComplete = step.isComplete
            }
        }
        // Nothing is due any more until the next tick.
        sweptTick.store(tick, ordering: .relaxed)
        return false
    }

    /// Lets the entries of one shard go that expired, in at most `budget` of its pages.
    func expire(_ index: Int, now: Int64, budget: Int) -> (removed: Int, isComplete: Bool) {
        var removed = 0
        var expired = 0
        var blocks: [ValueBlock] = []
        let isComplete = withShard(index) { shard in
            let bytes = shard.footprint
            _ = shard.leases.removeEnded(now: now)
            let isComplete =
                shard.timers.nextDue > now
                || shard.expire(at: now, budget: budget) { outcome in
                    switch outcome {
                    case .stale: expired += 1
                    case .gone(let block, let wasStale):
                        removed += 1
                        if !wasStale { expired += 1 }
                        if let block { blocks.append(block) }
                    }
                }
            var room = Ledger.Room(entries: removed, bytes: bytes - shard.footprint)
            ledger.release(&room)
            return isComplete
        }
        for block in blocks { block.release() }
        if expired > 0 { count(.expirations, expired) }
        return (removed, isComplete)
    }

    /// Lets expired entries go, shard by shard, in steps that hold a lock only briefly; and puts uses in order when there may be
    /// so many that a writer would be held up by it. A shard in which nothing is due is not locked.
    func maintain() {
        let now = clock.now()
        for index in 0..<shardCount where summaries[index].nextDue.load(ordering: .relaxed) <= now {
            while !expire(index, now: clock.now(), budget: Self.expiryBatch).isComplete {}
        }
        giveBackSpares()
        if ordersUses.load(ordering: .relaxed), ledger.isNearlyEmpty, !Self.ordersUsesAlways(policy, capacity: capacity)
        {
            ordersUses.store(false, ordering: .relaxed)
        }
        observers.outgrow(ledger.entries)
        if let forecast = observers.forecast, forecast.isReady {
            forecast.begin {
                let hits = Int(counters.sum(CacheCounter.hits.rawValue))
                return (hits, hits + Int(counters.sum(CacheCounter.misses.rawValue)))
            }
        }
        let hits = counters.sum(CacheCounter.hits.rawValue)
        let settled = settledHits.load(ordering: .relaxed)
        guard hits &- settled >= UInt64(shardCount * Self.usesToSettle) else { return }
        settledHits.store(hits, ordering: .relaxed)
        settleAll()
    }

    /// Puts all uses in order.
    func settleAll() {
        for index in 0..<shardCount where !guards[index].uses.isEmpty { withShard(index) { _ in } }
    }

    /// Gives pages back whose entries have room elsewhere, where that is much of a shard's memory.
    private func giveBackSpares() {
        for index in 0..<shardCount where summaries[index].hasSparePage.load(ordering: .relaxed) {
            var goesOn = true
            while goesOn {
                goesOn = withShard(index) { shard in
                    guard shard.slab.isMostlyFree else { return false }
                    let bytes = shard.footprint
                    let isSpared = shard.spareAPage()
                    var room = Ledger.Room(entries: 0, bytes: bytes - shard.footprint)
                    ledger.release(&room)
                    return isSpared
                }
            }
        }
    }

    /// How many uses a shard may have, about, before they are put in order without a writer.
    private static var usesToSettle: Int { 1024 }

    /// Of how many pages expired entries leave in one holding of a lock.
    private static var expiryBatch: Int { 8 }
}
