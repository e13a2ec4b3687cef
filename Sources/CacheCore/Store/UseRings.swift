/// The uses of a shard's entries by all readers, in their order: a ``UseRing`` for each stripe of the shard's lock, so that readers on
/// different processors write to no common cache line.
struct UseRings: ~Copyable, @unchecked Sendable {
    // Sendable: `rings` points to rings that live from init to deinit, and may be shared.
    private let rings: UnsafeMutablePointer<UseRing>
    private let ringCount: Int

    /// - Parameters:
    ///   - stripes: How many stripes the shard's lock has.
    ///   - capacity: How many uses there is room for, in all stripes together.
    init(stripes: Int, capacity: Int) {
        ringCount = stripes
        rings = .allocate(capacity: stripes)
        for ring in 0..<stripes { (rings + ring).initialize(to: UseRing(capacity: capacity / stripes)) }
    }

    deinit {
        rings.deinitialize(count: ringCount)
        rings.deallocate()
    }

    static func footprint(stripes: Int, capacity: Int) -> Int {
        stripes * (MemoryLayout<UseRing>.stride + UseRing.footprint(capacity: capacity / stripes))
    }

    /// Notes that the entry in `slot` was used, by a reader that holds the lock of that stripe.
    ///
    /// - Parameters:
    ///   - time: When that was, in the order of all uses, with the lower 32 bits.
    ///   - word: What the writer is to know of the use beside.
    /// - Returns: False if there was no room.
    @inline(__always)
    borrowing func note(_ slot: Slab.SlotID, time: UInt32, word: UInt64, stripe: Int) -> Bool {
        rings[stripe].note(slot, time: time, word: word)
    }

    @inline(__always)
    var isEmpty: Bool {
        for ring in 0..<ringCount where rings[ring].count > 0 { return false }
        return true
    }

    /// Calls `body` with the slot of each use, in any order, and leaves the uses where they are.
    @inline(__always)
    borrowing func forEachSlot(_ body: (Slab.SlotID) -> Void) {
        for ring in 0..<ringCount {
            for place in 0..<rings[ring].count {
                let slot = rings[ring].use(at: place).slot
                if slot != UseRing.miss { body(slot) }
            }
        }
    }

    /// Takes all uses, the first one first.
    @inline(__always)
    borrowing func takeAll(_ body: (_ slot: Slab.SlotID, _ word: UInt64) -> Void) {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: ringCount) { next in
            next.initialize(repeating: 0)
            while let ring = earliest(next) {
                let use = rings[ring].use(at: next[ring])
                next[ring] += 1
                body(use.slot, use.word)
            }
        }
        for ring in 0..<ringCount { rings[ring].removeAll() }
    }

    /// The ring whose next use is the first; nil if there is none.
    @inline(__always)
    private borrowing func earliest(_ next: UnsafeMutableBufferPointer<Int>) -> Int? {
        var earliest: (ring: Int, time: UInt32)?
        for ring in 0..<ringCount where next[ring] < rings[ring].count {
            let time = rings[ring].use(at: next[ring]).time
            if let found = earliest, Int32(bitPattern: time &- found.time) >= 0 { continue }
            earliest = (ring, time)
        }
        return earliest?.ring
    }
}
