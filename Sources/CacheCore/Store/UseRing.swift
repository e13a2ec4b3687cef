internal import Synchronization

/// Uses of a shard's entries by the readers of one processor, until a writer puts them in order: a buffer without locks.
///
/// A reader that finds an entry writes its slot here. A writer takes all uses and tells the eviction order of them. So a hit never
/// needs the write lock as long as there is room here, and touches no entry; and the order that an eviction sees is still exact. The reader that finds no room
/// left puts the uses in order itself.
///
/// Invariants: uses are noted under the shard's read lock and taken under its write lock, so the two never meet. Every removal and every
/// move of an entry takes the uses first, so a slot that is noted here holds the entry that was used. `uses` is alive from init to deinit.
struct UseRing: ~Copyable, @unchecked Sendable {
    // Sendable: each place is written by the one thread that was given it, and read under the lock that excludes all writers.
    struct Use {
        var slot: Slab.SlotID
        /// Tells which of two uses of different rings came first: the later one is ahead, round the end of 32 bits.
        var time: UInt32
        /// What the writer is to know of the use beside: the key's hash, or the rank of the use.
        var word: UInt64
    }

    // First how many uses were noted, on cache lines of its own with the first uses behind; more than `capacity` when there was no
    // room for some.
    private let memory: UnsafeMutableRawPointer
    private let capacity: Int

    private static let alignment = 128
    private static let headerSize = MemoryLayout<Use>.stride

    /// - Parameter capacity: How many uses there is room for.
    init(capacity: Int) {
        self.capacity = capacity
        memory = .allocate(byteCount: Self.footprint(capacity: capacity), alignment: Self.alignment)
        memory.bindMemory(to: Atomic<Int>.self, capacity: 1).initialize(to: Atomic(0))
    }

    deinit { memory.deallocate() }

    /// Stands in the place of a slot for a read that found nothing; the word is the key's hash.
    static var miss: Slab.SlotID { 0 }

    static func footprint(capacity: Int) -> Int { headerSize + capacity * MemoryLayout<Use>.stride }

    @inline(__always)
    private var noted: UnsafeMutablePointer<Atomic<Int>> { memory.assumingMemoryBound(to: Atomic<Int>.self) }
    @inline(__always)
    private var uses: UnsafeMutablePointer<Use> { (memory + Self.headerSize).assumingMemoryBound(to: Use.self) }

    /// Notes that the entry in `slot` was used.
    ///
    /// - Returns: False if there was no room.
    /// - Complexity: One atomic addition.
    @inline(__always)
    borrowing func note(_ slot: Slab.SlotID, time: UInt32, word: UInt64) -> Bool {
        guard noted.pointee.load(ordering: .relaxed) < capacity else { return false }
        // Relaxed: the lock orders what happens here before what the writer does.
        let place = noted.pointee.wrappingAdd(1, ordering: .relaxed).oldValue
        guard place < capacity else { return false }
        (uses + place).initialize(to: Use(slot: slot, time: time, word: word))
        return true
    }

    /// How many uses there are to be taken.
    @inline(__always)
    var count: Int { min(noted.pointee.load(ordering: .relaxed), capacity) }

    @inline(__always)
    borrowing func use(at place: Int) -> Use { uses[place] }

    /// Forgets all uses.
    @inline(__always)
    borrowing func removeAll() { noted.pointee.store(0, ordering: .relaxed) }
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
