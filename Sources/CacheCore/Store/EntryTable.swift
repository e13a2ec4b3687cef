#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A shard's hash table: open addressing with linear probing, its entries sorted by hash
/// (O. Amble and D. E. Knuth, "Ordered hash tables", The Computer Journal 17, 1974).
///
/// An entry's home is the slot that the leading bits of its hash name (below the bits that chose the shard); it stands
/// there or in one of the slots behind. Because all slots are in the order of the hashes, a search for an absent key
/// ends early, growing is one sequential pass, and a listing can go on from a hash whatever the table has
/// become meanwhile.
///
/// Invariants:
/// - Read from front to back, the hashes in the occupied slots never fall.
/// - No slot between an entry's home and the entry is empty.
/// - The last slot is always empty: every probe ends.
/// - `slots` is alive from init to deinit; it is changed under the shard's write lock alone.
struct EntryTable: ~Copyable {
    struct Slot {
        var hash: UInt64
        var entry: Entry?
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var slotCount: Int
    /// The table has 2 to this many homes, and some slots behind the last for entries that are pushed over the end.
    private var homeBits: Int
    private var tail: Int
    /// How many leading bits of a hash chose the shard, and what they are in this one.
    private let shardBits: Int
    private let hashPrefix: UInt64
    private(set) var count = 0

    private static let minimumHomeBits = 4

    /// - Parameters:
    ///   - shardBits: How many leading bits of a hash choose the shard.
    ///   - shard: Those bits of the hashes of all entries of this table.
    init(shardBits: Int, shard: Int) {
        self.shardBits = shardBits
        hashPrefix = UInt64(shard) << UInt64(64 - shardBits)
        homeBits = Self.minimumHomeBits
        tail = Self.leastTail(homeBits: homeBits)
        slotCount = 1 << homeBits + tail
        slots = Self.allocate(slotCount)
    }

    deinit { free(slots) }

    /// Bytes that the table itself takes.
    var footprint: Int { slotCount * MemoryLayout<Slot>.stride }

    /// - Complexity: O(1) expected.
    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, hash: UInt64) -> Entry? {
        guard let index = index(of: key, hash: hash) else { return nil }
        return slots[index].entry
    }

    /// Puts in an entry whose key is not in the table.
    ///
    /// - Returns: False, with nothing changed, if the table must ``grow()`` first.
    /// - Complexity: O(1) expected.
    mutating func insert(_ entry: Entry) -> Bool {
        guard !isFull, place(entry) else { return false }
        count += 1
        return true
    }

    /// How many bytes ``grow()`` takes.
    var growth: Int {
        let (homeBits, tail) = grownSize
        return (1 << homeBits + tail - slotCount) * MemoryLayout<Slot>.stride
    }

    /// Makes room for more entries. To be called when an insertion asked for it.
    ///
    /// - Complexity: O(`count`).
    mutating func grow() {
        let (homeBits, tail) = grownSize
        // Twice the homes behind the same tail hold whatever this table held, and so does a longer tail.
        let isRebuilt = rebuild(homeBits: homeBits, tail: tail)
        precondition(isRebuilt, "a larger table has room for what a smaller one held")
    }

    /// Puts `new` in the place of `old`, which has the same key.
    mutating func replace(_ old: Entry, with new: Entry) {
        slots[place(of: old)].entry = new
    }

    /// Takes out an entry that is in the table.
    ///
    /// - Complexity: O(1) expected; O(`count`) when the table shrinks.
    mutating func remove(_ entry: Entry) {
        var hole = place(of: entry)
        // Entries behind move one slot forward, up to the first that is at home.
        while let next = slots[hole + 1].entry, home(slots[hole + 1].hash) <= hole {
            slots[hole] = Slot(hash: slots[hole + 1].hash, entry: next)
            hole += 1
        }
        slots[hole] = Slot(hash: 0, entry: nil)
        count -= 1
        shrinkIfSparse()
    }

    /// Goes over the entries whose hashes are at least `start`, in the order of the hashes.
    ///
    /// - Parameters:
    ///   - start: The hash to go on from.
    ///   - limit: How many slots to look at, about: entries that share a hash are visited together.
    ///   - visit: Told each entry; says whether to go on. It may be told some more that share the hash of the last.
    /// - Returns: The hash to go on from, or nil when the end of the table is reached.
    func scan(from start: UInt64, limit: Int, _ visit: (Entry) -> Bool) -> UInt64? {
        var index = home(max(start, hashPrefix))
        let end = min(index + limit, slotCount)
        var goesOn = true
        var last: UInt64?
        while index < slotCount {
            let hash = slots[index].hash
            if let entry = slots[index].entry {
                if hash >= start {
                    // What shares a hash is visited together; and the first always, so that every call gets on.
                    if index >= end || !goesOn, hash != last, hash != start { return hash }
                    goesOn = visit(entry)
                    last = hash
                }
            } else if index >= end || !goesOn {
                // No entry behind an empty slot has its home at or before it.
                return firstHash(home: index)
            }
            index += 1
        }
        return nil
    }

    // MARK: Slots

    @inline(__always)
    private func index(of key: UnsafeRawBufferPointer, hash: UInt64) -> Int? {
        var index = home(hash)
        while let entry = slots[index].entry, slots[index].hash <= hash {
            if slots[index].hash == hash, entry.hasKey(key) { return index }
            index += 1
        }
        return nil
    }

    private func place(of entry: Entry) -> Int {
        var index = home(entry.hash)
        while slots[index].entry != entry {
            precondition(slots[index].entry != nil, "the entry is not in the table")
            index += 1
        }
        return index
    }

    @inline(__always)
    private func home(_ hash: UInt64) -> Int { Int((hash << UInt64(shardBits)) >> UInt64(64 - homeBits)) }

    /// The lowest hash whose home is the slot `home`; nil for the slots behind the last home.
    private func firstHash(home: Int) -> UInt64? {
        guard home < 1 << homeBits else { return nil }
        return hashPrefix | UInt64(home) << UInt64(64 - homeBits - shardBits)
    }

    /// Sets `entry` into its place in the order; false if it would push another over the end.
    private mutating func place(_ entry: Entry) -> Bool {
        let hash = entry.hash
        var index = home(hash)
        while slots[index].entry != nil, slots[index].hash <= hash { index += 1 }
        var free = index
        while slots[free].entry != nil { free += 1 }
        guard free < slotCount - 1 else { return false }
        if free > index {
            memmove(slots + index + 1, slots + index, (free - index) * MemoryLayout<Slot>.stride)
        }
        slots[index] = Slot(hash: hash, entry: entry)
        return true
    }

    // MARK: Size

    /// Seven eighths of the homes are taken.
    private var isFull: Bool { count >= (1 << homeBits) / 8 * 7 }

    /// Twice the homes; or, if there are homes enough and too many hashes are at the very end, twice the tail.
    private var grownSize: (homeBits: Int, tail: Int) {
        isFull ? (homeBits + 1, max(tail, Self.leastTail(homeBits: homeBits + 1))) : (homeBits, tail * 2)
    }

    private mutating func shrinkIfSparse() {
        if count == 0 {
            if slotCount > 1 << Self.minimumHomeBits + Self.leastTail(homeBits: Self.minimumHomeBits) {
                _ = rebuild(homeBits: Self.minimumHomeBits, tail: Self.leastTail(homeBits: Self.minimumHomeBits))
            }
        } else if homeBits > Self.minimumHomeBits, count < 1 << (homeBits - 3) {
            // An eighth full: half the table is a quarter full, far from growing again. It stays as it is if too many
            // hashes are at the very end.
            _ = rebuild(homeBits: homeBits - 1, tail: Self.leastTail(homeBits: homeBits - 1))
        }
    }

    /// Moves all entries into a table of another size. In the order of the hashes each goes behind the one before.
    ///
    /// - Returns: False, with nothing changed, if the table would be too small.
    private mutating func rebuild(homeBits: Int, tail: Int) -> Bool {
        let old = (slots: slots, slotCount: slotCount, homeBits: self.homeBits, tail: self.tail)
        (self.homeBits, self.tail, slotCount) = (homeBits, tail, 1 << homeBits + tail)
        slots = Self.allocate(slotCount)
        var next = 0
        for index in 0..<old.slotCount where old.slots[index].entry != nil {
            next = max(next, home(old.slots[index].hash))
            guard next < slotCount - 1 else {
                free(slots)
                (slots, slotCount, self.homeBits, self.tail) = old
                return false
            }
            slots[next] = old.slots[index]
            next += 1
        }
        free(old.slots)
        return true
    }

    private static func leastTail(homeBits: Int) -> Int { min(1 << homeBits, 128) + 1 }

    private static func allocate(_ count: Int) -> UnsafeMutablePointer<Slot> {
        // Zero bytes are empty slots. A cache that cannot have its table cannot go on.
        guard let memory = calloc(count, MemoryLayout<Slot>.stride) else {
            fatalError("memory is exhausted: a table of \(count) slots could not be had")
        }
        return memory.bindMemory(to: Slot.self, capacity: count)
    }
}
