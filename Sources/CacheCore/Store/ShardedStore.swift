internal import Counters
internal import Synchronization

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The store: entries by key, divided into shards, within global bounds.
///
/// How data flows: a read hashes its key once, takes the one shard's read lock, finds the entry, takes a reference to
/// it, notes the use and unlocks. A write prepares its entry first, takes the shard's write lock, reserves room in the
/// ``Ledger`` and puts it in; when there is no room it unlocks, lets the globally oldest entry go, and tries
/// again. What is removed is freed after the lock.
///
/// Lock order: a thread holds at most one shard's lock, and takes no other lock under it. A writer that waits for room
/// holds no lock, and gives back what room it has when nothing is left to evict: two never wait for each other.
final class ShardedStore: @unchecked Sendable {
    // Sendable: `shards`, `guards` and `oldestUses` point to memory that lives from init to deinit; a shard is used under the
    // lock of its guard, all else here is atomic or constant.
    let shards: UnsafeMutablePointer<Shard>
    let guards: UnsafeMutablePointer<ShardGuard>
    let shardCount: Int
    private let shardBits: Int
    /// For each shard, no later than the last use of its oldest entry; `Int64.max` when it is empty. Written under the
    /// shard's write lock. Side by side, for an eviction to find the globally oldest without touching the shards.
    let oldestUses: UnsafeMutablePointer<Atomic<Int64>>

    let clock: CacheClock
    let hasher = KeyHasher()
    let ledger: Ledger
    let counters = StripedCounters(count: CacheCounter.allCases.count)
    let capacity: Int?
    let memoryLimit: Int?
    /// Bytes that the store takes without any entry.
    let emptyFootprint: Int
    /// The wheels' tick at which a writer in need of room last looked for expired entries.
    let sweptTick = Atomic<Int64>(.min)

    static let maximumShardCount = 1024

    init(_ configuration: CacheConfiguration) {
        clock = configuration.clock
        capacity = configuration.capacity
        memoryLimit = configuration.memoryLimit
        ledger = Ledger(capacity: capacity, memoryLimit: memoryLimit)
        shardCount = configuration.shardCount ?? Self.shardCount(capacity: capacity, memoryLimit: memoryLimit)
        shardBits = shardCount.trailingZeroBitCount

        let now = clock.now()
        shards = .allocate(capacity: shardCount)
        guards = .allocate(capacity: shardCount)
        oldestUses = .allocate(capacity: shardCount)
        var footprint = 0
        for index in 0..<shardCount {
            (shards + index).initialize(to: Shard(shardBits: shardBits, index: index, now: now))
            (guards + index).initialize(to: ShardGuard())
            (oldestUses + index).initialize(to: Atomic(.max))
            footprint += shards[index].footprint
        }
        emptyFootprint = footprint
        ledger.bookEmptyStore(footprint)
    }

    deinit {
        for index in 0..<shardCount {
            _ = shards[index].table.scan(from: 0, limit: .max / 2) { entry in
                entry.release()
                return true
            }
        }
        shards.deinitialize(count: shardCount)
        shards.deallocate()
        guards.deinitialize(count: shardCount)
        guards.deallocate()
        oldestUses.deinitialize(count: shardCount)
        oldestUses.deallocate()
    }

    /// A small cache is one shard, whose order is simply the order; a large one has enough that writers seldom meet.
    private static func shardCount(capacity: Int?, memoryLimit: Int?) -> Int {
        let wanted = min(
            16 * ProcessInfo.processInfo.activeProcessorCount,
            (capacity ?? .max) / 4096,
            (memoryLimit ?? .max) / (1 << 20),
            256)
        return wanted < 2 ? 1 : 1 << (Int.bitWidth - 1 - wanted.leadingZeroBitCount)
    }

    @inline(__always)
    func shardIndex(_ hash: UInt64) -> Int { Int(hash >> UInt64(64 - shardBits)) }

    @inline(__always)
    func count(_ counter: CacheCounter, _ amount: Int = 1) {
        counters.add(UInt64(truncatingIfNeeded: amount), to: counter.rawValue)
    }

    /// Runs `body` under the write lock of shard `index`, with all uses in order, and publishes its oldest use.
    func withShard<Result: ~Copyable>(_ index: Int, _ body: (inout Shard) -> Result) -> Result {
        guards[index].lock.lockForWriting()
        shards[index].settle(guards[index].uses)
        let result = body(&shards[index])
        oldestUses[index].store(shards[index].recency.oldest?.lastUse ?? .max, ordering: .relaxed)
        guards[index].lock.unlockAfterWriting()
        return result
    }

    /// Takes `entry` out of its shard, whose write lock is held, and its room out of the ledger.
    ///
    /// - Returns: The entry, whose reference the caller must release after unlocking.
    func remove(_ entry: Entry, from shard: inout Shard) -> Entry {
        var room = Ledger.Room()
        remove(entry, from: &shard, leaving: &room)
        ledger.release(&room)
        return entry
    }

    /// Takes `entry` out of its shard, whose write lock is held, and adds its room to the caller's.
    func remove(_ entry: Entry, from shard: inout Shard, leaving room: inout Ledger.Room) {
        let tableBytes = shard.table.footprint
        shard.remove(entry)
        room.entries += 1
        room.bytes += entry.footprint + tableBytes - shard.table.footprint
    }
}
