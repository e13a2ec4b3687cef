internal import Synchronization
internal import Threading

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The store: entries by key, divided into shards, within global bounds.
///
/// How data flows: a read hashes its key once, takes the one shard's read lock, finds the entry, copies the value, notes the use
/// and unlocks. A write prepares its entry first, takes the shard's write lock, reserves room in the
/// ``Ledger`` and copies it into the shard's ``Slab``; when there is no room it unlocks, lets an entry go that the
/// ``EvictionPolicy`` names, and tries again. Large values are not copied but lent, and freed after the lock.
///
/// Lock order: a thread holds at most one shard's lock, and takes no other lock under it but those of the store of its ``Absences``, which has
/// none itself, and the innermost ones of the ``PagePool``, of the ``TrafficObservers`` and, to note an absence, of the
/// ``JSONDocumentPool``. A writer that waits for room
/// holds no lock, and gives back what room it has when nothing is left to evict: two never wait for each other.
final class ShardedStore: @unchecked Sendable {
    // Sendable: `shards`, `guards` and `summaries` point to memory that lives from init to deinit; a shard is used under the
    // lock of its guard, all else here is atomic or constant.
    let shards: UnsafeMutablePointer<Shard>
    let guards: UnsafeMutablePointer<ShardGuard>
    let shardCount: Int
    private let shardBits: Int
    let summaries: UnsafeMutablePointer<ShardSummary>

    let clock: CacheClock
    let hasher = KeyHasher()
    let pool: PagePool
    /// How all shards lay out entries.
    let geometry: SlabGeometry
    let ledger: Ledger
    let counters = StripedCounters(count: CacheCounter.allCases.count)
    let capacity: Int?
    let memoryLimit: Int?
    let policy: EvictionPolicy
    let observers: TrafficObservers
    /// Bytes of the locks, and of the uses that the shards have room for.
    let guardsFootprint: Int
    /// Bytes that the store takes without any entry.
    let emptyFootprint: Int
    /// Whether uses are put in order. While the cache is less than half full none has to leave, and a reader writes to nothing that
    /// others read; unless the policy is LRU, whose order is exact, or the cache is so small that order costs nothing.
    let ordersUses: Atomic<Bool>
    /// The wheels' tick at which a writer in need of room last looked for expired entries.
    let sweptTick = Atomic<Int64>(.min)
    /// How many entries all shards keep past their expiry.
    private let staleTotal = Atomic<Int>(0)
    /// What origins have nothing of; nil if nobody wants to know.
    let absences = AtomicLazyReference<Absences>()
    /// Whether any has ever been noted. Set under the lock of its key's shard: who changes the key later sees it.
    let hasAbsences = Atomic<Bool>(false)
    /// How many hits there were when all uses were put in order last.
    let settledHits = Atomic<UInt64>(0)

    static let maximumShardCount = 1024

    init(_ configuration: CacheConfiguration) {
        clock = configuration.clock
        capacity = configuration.capacity
        memoryLimit = configuration.memoryLimit
        ledger = Ledger(capacity: capacity, memoryLimit: memoryLimit)
        shardCount = configuration.shardCount ?? Self.shardCount(capacity: capacity, memoryLimit: memoryLimit)
        shardBits = shardCount.trailingZeroBitCount
        policy = configuration.eviction
        ordersUses = Atomic(Self.ordersUsesAlways(policy, capacity: capacity))
        observers = TrafficObservers(configuration)

        pool = PagePool(
            pageSize: Self.pageSize(memoryLimit: memoryLimit, shardCount: shardCount), memoryLimit: memoryLimit)
        geometry = SlabGeometry(pool: pool, hasRanks: policy == .lru)

        let now = clock.now()
        shards = .allocate(capacity: shardCount)
        guards = .allocate(capacity: shardCount)
        summaries = .allocate(capacity: shardCount)
        var footprint = 0
        let rules = observers.selector?.rules ?? EvictionRules(policy)
        let shardCount = shardCount
        let capacityOfShard = capacity.map { ($0 + shardCount - 1) / shardCount }
        let stripes = ProcessorStripe.count
        let usesCapacity = Self.usesCapacity(memoryLimit: memoryLimit, shardCount: shardCount)
        let sketchBytesPerEntry = shardCount == 1 && capacity != nil ? 8.0 : 3.0
        for index in 0..<shardCount {
            (shards + index).initialize(
                to: Shard(
                    shardBits: shardBits, index: index, now: now, slab: Slab(pool: pool, hasRanks: policy == .lru),
                    order: EvictionOrder(
                        rules, isAdaptive: observers.selector != nil, capacity: capacityOfShard,
                        mayFillEarlier: memoryLimit != nil,
                        sketchBytesPerEntry: sketchBytesPerEntry),
                    leases: Self.leaseTable(memoryLimit: memoryLimit, shardCount: shardCount)))
            (guards + index).initialize(to: ShardGuard(stripes: stripes, usesCapacity: usesCapacity))
            (summaries + index).initialize(to: ShardSummary())
            footprint += shards[index].footprint
        }
        guardsFootprint = shardCount * ShardGuard.footprint(stripes: stripes, usesCapacity: usesCapacity)
        emptyFootprint = footprint + guardsFootprint + observers.footprint
        ledger.bookEmptyStore(emptyFootprint)
    }

    deinit {
        shards.deinitialize(count: shardCount)
        shards.deallocate()
        guards.deinitialize(count: shardCount)
        guards.deallocate()
        summaries.deinitialize(count: shardCount)
        summaries.deallocate()
    }

    /// A small cache is one shard, whose order is simply the order; a large one has enough that writers seldom meet.
    private static func shardCount(capacity: Int?, memoryLimit: Int?) -> Int {
        let wanted = min(
            32 * ProcessInfo.processInfo.activeProcessorCount,
            (capacity ?? .max) / 8192,
            (memoryLimit ?? .max) / (16 << 20),
            256)
        return wanted < 2 ? 1 : 1 << (Int.bitWidth - 1 - wanted.leadingZeroBitCount)
    }

    /// Whether uses are put in order however little the cache holds.
    static func ordersUsesAlways(_ policy: EvictionPolicy, capacity: Int?) -> Bool {
        policy == .lru || capacity ?? .max <= entriesWithHistory
    }

    /// How many entries a shard may have whose policy has a history from the first of them on.
    static let entriesWithHistory = 1024

    /// Pages of the slabs are large where they are many: each divides better then. Of a class that has few entries a page is
    /// mostly empty, so that a shard with little memory needs small ones.
    private static func pageSize(memoryLimit: Int?, shardCount: Int) -> Int {
        let isLarge = (memoryLimit ?? .max) / shardCount >= 16 << 20
        return max(VirtualMemory.pageSize, isLarge ? 16 << 10 : 4 << 10)
    }

    /// How many uses a shard has room for until they are put in order.
    private static func usesCapacity(memoryLimit: Int?, shardCount: Int) -> Int {
        let entries = (memoryLimit ?? .max) / 128 / shardCount
        return min(256, max(16, entries / 8))
    }

    /// A shard's leases: at most a sixteenth of its memory, and so many that to look at all of them takes some microseconds.
    private static func leaseTable(memoryLimit: Int?, shardCount: Int) -> LeaseTable {
        LeaseTable(
            mostLeases: min(1024, max(64, 65_536 / shardCount)),
            mostBytes: memoryLimit.map { max(4096, $0 / 16 / shardCount) } ?? .max)
    }

    /// How many entries are kept past their expiry.
    var staleCount: Int { staleTotal.load(ordering: .relaxed) }

    @inline(__always)
    func shardIndex(_ hash: UInt64) -> Int { Int(hash >> UInt64(64 - shardBits)) }

    @inline(__always)
    func count(_ counter: CacheCounter, _ amount: Int = 1) {
        counters.add(UInt64(truncatingIfNeeded: amount), to: counter.rawValue)
    }

    /// Runs `body` under the write lock of shard `index`, with all uses in order, and publishes its summary.
    func withShard<Result: ~Copyable>(_ index: Int, _ body: (inout Shard) -> Result) -> Result {
        guards[index].lock.lockForWriting()
        shards[index].settle(
            guards[index].uses, isOrdering: ordersUses.load(ordering: .relaxed), observers: observers)
        let result = body(&shards[index])
        let staleChange = summaries[index].publish(shards[index])
        if staleChange != 0 { staleTotal.wrappingAdd(staleChange, ordering: .relaxed) }
        guards[index].lock.unlockAfterWriting()
        pool.trim()
        return result
    }

    /// What is left of an entry that was taken out: to be let go of after the lock, see ``discard(_:as:now:)``.
    struct Removed {
        let expiresAt: Int64
        /// Whether it was kept past its expiry, which was counted.
        var wasStale = false
        /// The block that its value stood in, if it did, with a reference.
        let block: ValueBlock?
    }

    /// Takes `entry` out of its shard, whose write lock is held, and its room out of the ledger.
    func remove(_ entry: Entry, hash: UInt64, from shard: inout Shard) -> Removed {
        var room = Ledger.Room()
        let removed = remove(entry, hash: hash, from: &shard, leaving: &room)
        ledger.release(&room)
        return removed
    }

    /// Takes `entry` out of its shard, whose write lock is held, and adds its room to the caller's.
    func remove(_ entry: Entry, hash: UInt64, from shard: inout Shard, leaving room: inout Ledger.Room) -> Removed {
        let bytes = shard.footprint
        let expiresAt = entry.expiresAt
        let wasStale = shard.isStale(entry, hash: hash)
        let block = shard.remove(entry, hash: hash)
        room.entries += 1
        room.bytes += bytes - shard.footprint
        return Removed(expiresAt: expiresAt, wasStale: wasStale, block: block)
    }
}
