internal import Synchronization

/// The uses of a shard's entries by readers, in their order, until a writer puts them in order: a buffer without locks.
///
/// A reader that finds an entry writes its slot here. A writer takes all uses and tells the eviction order of them. So a hit never
/// needs the write lock as long as there is room here, and touches no entry; and the order that an eviction sees is still exact. The reader that finds no room
/// left puts the uses in order itself.
///
/// Invariants: uses are noted under the shard's read lock and taken under its write lock, so the two never meet. Every removal and every
/// move of an entry takes the uses first, so a slot that is noted here holds the entry that was used. `uses` is alive from init to deinit.
struct UseRing: ~Copyable, @unchecked Sendable {
    // Sendable: each place is written by the one thread that was given it, and read under the lock that excludes all writers.
    private struct Use {
        var slot: Slab.SlotID
        /// What the writer is to know of the use beside: the key's hash, or the rank of the use.
        var word: UInt64
    }

    private let uses: UnsafeMutablePointer<Use>
    private let capacity: Int
    /// How many uses were noted; more than `capacity` when there was no room for some.
    private let count = Atomic<Int>(0)

    /// - Parameter capacity: How many uses there is room for.
    init(capacity: Int) {
        self.capacity = capacity
        uses = .allocate(capacity: capacity)
    }

    deinit { uses.deallocate() }

    /// Stands in the place of a slot for a read that found nothing; the word is the key's hash.
    static var miss: Slab.SlotID { 0 }

    static func footprint(capacity: Int) -> Int { capacity * MemoryLayout<Use>.stride }

    /// Notes that the entry in `slot` was used.
    ///
    /// - Returns: False if there was no room.
    /// - Complexity: One atomic addition.
    @inline(__always)
    borrowing func note(_ slot: Slab.SlotID, word: UInt64) -> Bool {
        guard count.load(ordering: .relaxed) < capacity else { return false }
        // Relaxed: the lock orders what happens here before what the writer does.
        let place = count.wrappingAdd(1, ordering: .relaxed).oldValue
        guard place < capacity else { return false }
        (uses + place).initialize(to: Use(slot: slot, word: word))
        return true
    }

    @inline(__always)
    var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }

    /// Calls `body` with the slot of each use, and leaves the uses where they are.
    @inline(__always)
    borrowing func forEachSlot(_ body: (Slab.SlotID) -> Void) {
        let noted = min(count.load(ordering: .relaxed), capacity)
        for place in 0..<noted where uses[place].slot != Self.miss { body(uses[place].slot) }
    }

    /// Takes all uses, the first one first.
    @inline(__always)
    borrowing func takeAll(_ body: (_ slot: Slab.SlotID, _ word: UInt64) -> Void) {
        let noted = min(count.load(ordering: .relaxed), capacity)
        for place in 0..<noted { body(uses[place].slot, uses[place].word) }
        count.store(0, ordering: .relaxed)
    }
}

/// The word of a use where the order goes by ranks: the rank, and whether the key is in the sample that is observed, which only
/// its hash would tell.
struct RankedUse {
    let word: UInt64

    init(word: UInt64) { self.word = word }
    init(rank: Int64, isSampled: Bool) { word = UInt64(bitPattern: rank) << 1 | (isSampled ? 1 : 0) }

    var rank: Int64 { Int64(bitPattern: word >> 1) }
    var isSampled: Bool { word & 1 == 1 }
}
