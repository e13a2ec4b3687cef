internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension ShardedStore {
    /// Lets expired entries go if there are any, else the one that was used longest ago, of all, whose room the caller
    /// gets. May do neither when others have just taken all room: try again then.
    ///
    /// - Complexity: O(`shardCount`), and the sorting of the uses since the last time.
    func makeRoom(_ room: inout Ledger.Room, now: Int64) {
        if expireForRoom(now: now) { return }
        var looks = 0
        while let candidate = oldestShard() {
            looks += 1
            let victim: Entry? = withShard(candidate.index) { shard in
                guard let oldest = shard.recency.oldest else { return nil }
                // It may have been used since it was published: then another shard's may be older. One look at each
                // shard finds the oldest of all, unless others go on using what is looked at: then any will do.
                guard oldest.lastUse <= candidate.nextOldest || looks > shardCount else { return nil }
                remove(oldest, from: &shard, leaving: &room)
                return oldest
            }
            guard let victim else { continue }
            _ = discard(victim, as: .evictions, now: now)
            return
        }
        // Nothing is left to evict: all room is with writers that are about to fill it or, like this one, wait for more.
        ledger.release(&room)
        sched_yield()
    }

    /// The shard whose published oldest use is the oldest of all, and the oldest that the others published.
    private func oldestShard() -> (index: Int, nextOldest: Int64)? {
        var index = 0
        var oldest = Int64.max
        var nextOldest = Int64.max
        for shard in 0..<shardCount {
            let use = oldestUses[shard].load(ordering: .relaxed)
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

    /// Lets the entries of one shard go that expired, at most `budget` of them.
    func expire(_ index: Int, now: Int64, budget: Int) -> (removed: Int, isComplete: Bool) {
        var expired: [Entry] = []
        let isComplete = withShard(index) { shard in
            guard shard.timers.isDue(at: now) else { return true }
            let isComplete = shard.timers.advance(to: now, budget: budget) { expired.append($0) }
            for entry in expired { _ = remove(entry, from: &shard) }
            return isComplete
        }
        for entry in expired { entry.release() }
        if !expired.isEmpty { count(.expirations, expired.count) }
        return (expired.count, isComplete)
    }

    /// Puts the uses in order and lets expired entries go, shard by shard, in steps that hold a lock only briefly.
    func maintain() {
        for index in 0..<shardCount {
            while !expire(index, now: clock.now(), budget: Self.expiryBatch).isComplete {}
        }
    }

    /// How many entries leave in one holding of a lock.
    private static var expiryBatch: Int { 512 }
}
