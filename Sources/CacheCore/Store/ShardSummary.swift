internal import Synchronization

/// What a shard tells of itself to those that do not hold its lock. Written under the shard's write lock; all of them lie
/// side by side, so that they can be gone over without touching the shards.
struct ShardSummary: ~Copyable {
    /// No later than the last use of its oldest entry, under LRU; `Int64.max` when it is empty.
    let oldestUse = Atomic<Int64>(.max)
    /// How many entries it has.
    let count = Atomic<Int>(0)
    /// Whether a page of its could be spared.
    let hasSparePage = Atomic<Bool>(false)
    /// When its timer wheel has something to do next, or a lease ends, by the cache's clock; `Int64.max` if never.
    let nextDue = Atomic<Int64>(.max)
    /// Whether a lease of its is out.
    let hasLeases = Atomic<Bool>(false)
    /// How many entries it keeps past their expiry.
    let staleCount = Atomic<Int>(0)

    /// - Returns: By how much the number of entries has changed that are kept past their expiry.
    func publish(_ shard: borrowing Shard) -> Int {
        oldestUse.store(
            shard.slab.geometry.rankCount == 0 ? .max : shard.order.first.oldest?.rank ?? .max, ordering: .relaxed)
        count.store(shard.order.count, ordering: .relaxed)
        hasSparePage.store(shard.slab.classWithSparePage != nil, ordering: .relaxed)
        nextDue.store(min(shard.timers.nextDue, shard.leases.nextEnd), ordering: .relaxed)
        hasLeases.store(!shard.leases.isEmpty, ordering: .relaxed)
        let stale = shard.notes.staleCount
        let change = stale - staleCount.load(ordering: .relaxed)
        if change != 0 { staleCount.store(stale, ordering: .relaxed) }
        return change
    }
}
