#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A shard's hash table: open addressing with linear probing, its entries sorted by hash
/// (O. Amble and D. E. Knuth, "Ordered hash tables", The Computer Journal 17, 1974).
///
/// A place in the table has the name of the entry's slot, and 32 bits of the key's hash, those that follow the ones that chose the
/// shard. They name the entry's home in proportion (D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29,
/// 2019), so the table may have any size and grow by an eighth at a time; an entry stands at home or behind it. Because all places
/// are in the order of the hashes, a search for an absent key ends early, growing is one sequential pass that touches no entry, and
/// a listing can go on from a hash whatever the table has become meanwhile.
///
/// Invariants:
/// - Read from front to back, the hashes in the occupied places never fall.
/// - No place between an entry's home and the entry is empty.
/// - The last place is always empty: every probe ends.
/// - `places` is alive from init to deinit; it is changed under the shard's write lock alone.
struct EntryTable: ~Copyable {
    struct Place {
        /// 32 bits of the key's hash.
        var hash: UInt32
        /// The name of the entry's slot; 0 for none.
        var slot: Slab.SlotID
    }

    private let slab: Slab
    private var places: UnsafeMutablePointer<Place>
    private var placeCount: Int
    /// The table has so many homes, and some places behind the last for entries that are pushed over the end.
    private var homes: Int
    private var tail: Int
    /// How many leading bits of a hash chose the shard, and what they are in this one.
    private let shardBits: UInt64
    private let hashPrefix: UInt64
    private(set) var count = 0
    /// Below how many entries the table is to shrink.
    private var sparse = 0

    private static let fewestHomes = 16

    /// - Parameters:
    ///   - shardBits: How many leading bits of a hash choose the shard; at most 32.
    ///   - shard: Those bits of the hashes of all entries of this table.
    ///   - slab: Where the entries are.
    init(shardBits: Int, shard: Int, slab: Slab) {
        self.slab = slab
        self.shardBits = UInt64(shardBits)
        hashPrefix = UInt64(shard) << UInt64(64 - shardBits)
        homes = Self.fewestHomes
        tail = Self.leastTail(homes: homes)
        placeCount = homes + tail
        guard let places = Self.allocate(placeCount) else {
            // Some hundred bytes, when a store is made.
            fatalError("memory is exhausted: a table could not be made")
        }
        self.places = places
    }

    deinit { Self.deallocate(places, placeCount) }

    /// Bytes that the table itself takes.
    var footprint: Int { Self.byteCount(placeCount) }

    /// - Complexity: O(1) expected.
    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, hash: UInt64) -> Entry? {
        let hash = short(hash)
        var index = home(hash)
        while true {
            let place = places[index]
            guard place.slot != 0, place.hash <= hash else { return nil }
            if place.hash == hash {
                let entry = Entry(slab: slab, slot: place.slot)
                if entry.hasKey(key) { return entry }
            }
            index += 1
        }
    }

    /// The entry whose key has this hash, of all its bits.
    ///
    /// - Complexity: O(1) expected.
    func find(hash: UInt64) -> Entry? {
        let short = short(hash)
        var index = home(short)
        while places[index].slot != 0, places[index].hash <= short {
            if places[index].hash == short {
                let entry = Entry(slab: slab, slot: places[index].slot)
                if entry.hash == hash { return entry }
            }
            index += 1
        }
        return nil
    }

    /// The slot of the first entry whose key may have this hash; 0 if there is none. Touches no entry.
    ///
    /// - Complexity: O(1) expected.
    @inline(__always)
    func candidate(hash: UInt64) -> Slab.SlotID {
        let hash = short(hash)
        var index = home(hash)
        while true {
            let place = places[index]
            guard place.slot != 0, place.hash <= hash else { return 0 }
            if place.hash == hash { return place.slot }
            index += 1
        }
    }

    /// What ``find(_:hash:)`` finds, given the candidate.
    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, hash: UInt64, candidate: Slab.SlotID) -> Entry? {
        guard candidate != 0 else { return nil }
        let entry = Entry(slab: slab, slot: candidate)
        return entry.hasKey(key) ? entry : find(key, hash: hash)
    }

    /// Puts in an entry whose key, of this hash, is not in the table.
    ///
    /// - Returns: False, with nothing changed, if the table must ``grow()`` first.
    /// - Complexity: O(1) expected.
    mutating func insert(_ entry: Entry, hash: UInt64) -> Bool {
        guard hasRoom else { return false }
        set(entry, hash: short(hash))
        count += 1
        return true
    }

    /// Whether there is room for another entry, whatever its hash.
    @inline(__always)
    var hasRoom: Bool { hasHomes && places[placeCount - 2].slot == 0 }
    private var hasHomes: Bool { count < homes / 8 * 7 }

    /// How many bytes ``grow()`` takes. While it lasts it takes ``stepBytes`` more, or so many of a small table again.
    var growth: Int {
        let (homes, tail) = grownSize
        return Self.byteCount(homes + tail) - footprint
    }

    /// Makes room for more entries. To be called, more than once if need be, when there is none.
    ///
    /// - Returns: False, with nothing changed, if the system has no memory left.
    /// - Complexity: O(`count`).
    mutating func grow() -> Bool {
        let (homes, tail) = grownSize
        // More homes before the same tail hold whatever this table held, and so does a longer tail.
        return rebuild(homes: homes, tail: tail)
    }

    /// Notes that an entry has moved to another slot.
    mutating func relocate(_ old: Entry, to new: Entry, hash: UInt64) {
        places[place(of: old, hash: short(hash))].slot = new.slot
    }

    /// Takes out an entry that is in the table.
    ///
    /// - Complexity: O(1) expected; O(`count`) when the table shrinks.
    mutating func remove(_ entry: Entry, hash: UInt64) {
        var hole = place(of: entry, hash: short(hash))
        // Entries behind move one place forward, up to the first that is at home.
        while places[hole + 1].slot != 0, home(places[hole + 1].hash) <= hole {
            places[hole] = places[hole + 1]
            hole += 1
        }
        places[hole] = Place(hash: 0, slot: 0)
        count -= 1
        shrinkIfSparse()
    }

    /// Goes over the entries whose hashes are at least `start`, as far as they are kept, in the order of the hashes.
    ///
    /// - Parameters:
    ///   - start: The hash to go on from.
    ///   - limit: How many places to look at, about: entries that share a hash are visited together.
    ///   - visit: Told each entry; says whether to go on. It may be told some more that share the hash of the last.
    /// - Returns: The hash to go on from, or nil when the end of the table is reached.
    func scan(from start: UInt64, limit: Int, _ visit: (Entry) -> Bool) -> UInt64? {
        let start = short(max(start, hashPrefix))
        var index = home(start)
        let end = min(index + limit, placeCount)
        var goesOn = true
        var last: UInt32?
        while index < placeCount {
            let place = places[index]
            if place.slot != 0 {
                if place.hash >= start {
                    // What shares a hash is visited together; and the first always, so that every call gets on.
                    if index >= end || !goesOn, place.hash != last, place.hash != start { return long(place.hash) }
                    goesOn = visit(Entry(slab: slab, slot: place.slot))
                    last = place.hash
                }
            } else if index >= end || !goesOn {
                // No entry behind an empty place has its home at or before it.
                return firstHash(home: index)
            }
            index += 1
        }
        return nil
    }

    /// Calls `body` with each entry.
    func visitAll(_ body: (Entry) -> Void) {
        for index in 0..<placeCount where places[index].slot != 0 { body(Entry(slab: slab, slot: places[index].slot)) }
    }

    // MARK: Hashes and places

    /// The part of a hash that the table keeps, and the lowest hash that has this part.
    @inline(__always)
    private func short(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: (hash &<< shardBits) >> 32) }
    private func long(_ hash: UInt32) -> UInt64 { hashPrefix | (UInt64(hash) << 32) >> shardBits }

    private func place(of entry: Entry, hash: UInt32) -> Int {
        var index = home(hash)
        while places[index].slot != entry.slot {
            precondition(places[index].slot != 0, "the entry is not in the table")
            index += 1
        }
        return index
    }

    @inline(__always)
    private func home(_ hash: UInt32) -> Int { Self.home(hash, homes: homes) }
    @inline(__always)
    private static func home(_ hash: UInt32, homes: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(hash) &* UInt64(homes)) >> 32)
    }

    /// The lowest hash whose home is at or behind the place `home`; nil for the places behind the last home.
    private func firstHash(home: Int) -> UInt64? {
        guard home < homes else { return nil }
        return long(UInt32((UInt64(home) << 32 + UInt64(homes) - 1) / UInt64(homes)))
    }

    /// Sets `entry` into its place in the order. The last place but one is empty, so that none is pushed over the end.
    private mutating func set(_ entry: Entry, hash: UInt32) {
        var index = home(hash)
        while places[index].slot != 0, places[index].hash <= hash { index += 1 }
        var free = index
        while places[free].slot != 0 { free += 1 }
        if free > index {
            memmove(places + index + 1, places + index, (free - index) * MemoryLayout<Place>.stride)
        }
        places[index] = Place(hash: hash, slot: entry.slot)
    }

    // MARK: Size

    /// An eighth more homes; or, if there are homes enough and too many hashes are at the very end, twice the tail.
    private var grownSize: (homes: Int, tail: Int) {
        guard !hasHomes else { return (homes, tail * 2) }
        let more = homes + max(homes / 8, Self.fewestHomes)
        return (more, max(tail, Self.leastTail(homes: more)))
    }

    private mutating func shrinkIfSparse() {
        if count == 0 {
            if homes > Self.fewestHomes || tail > Self.leastTail(homes: Self.fewestHomes) {
                _ = rebuild(homes: Self.fewestHomes, tail: Self.leastTail(homes: Self.fewestHomes))
            }
        } else if count < sparse {
            // Three quarters of the homes: far from growing again. The table stays as it is if too many hashes are at the very
            // end, as when it is being cleared from the front; the next attempt is worth while when half of them are gone.
            let fewer = max(homes / 4 * 3, Self.fewestHomes)
            let tail = Self.leastTail(homes: fewer)
            if !fits(homes: fewer, tail: tail) || !rebuild(homes: fewer, tail: tail) { sparse = count / 2 }
        }
    }

    /// Whether a table of that size has a place for each entry, and for another.
    private func fits(homes: Int, tail: Int) -> Bool {
        var next = 0
        for index in 0..<placeCount where places[index].slot != 0 {
            next = max(next, Self.home(places[index].hash, homes: homes))
            guard next < homes + tail - 2 else { return false }
            next += 1
        }
        return true
    }

    /// Moves all entries into a table of another size, in which they fit. In the order of the hashes each goes behind the one before.
    ///
    /// What has been moved out of a large table gives its room back as the new one takes it, so that there are never two.
    ///
    /// - Returns: False, with nothing changed, if the system has no memory left.
    private mutating func rebuild(homes: Int, tail: Int) -> Bool {
        let old = (places: places, placeCount: placeCount)
        guard let new = Self.allocate(homes + tail) else { return false }
        (self.homes, self.tail, places, placeCount) = (homes, tail, new, homes + tail)
        let bytes = Self.byteCount(placeCount)
        var touched = bytes > Self.stepBytes ? 0 : bytes
        var next = 0
        var start = 0
        while start < old.placeCount {
            let end = min(start + Self.placesPerStep, old.placeCount)
            let reached = min(VirtualMemory.rounded(bytes / old.placeCount * end), bytes)
            if reached > touched {
                VirtualMemory.touch(UnsafeMutableRawPointer(places) + touched, reached - touched)
                touched = reached
            }
            for index in start..<end where old.places[index].slot != 0 {
                next = max(next, home(old.places[index].hash))
                places[next] = old.places[index]
                next += 1
            }
            if end < old.placeCount { VirtualMemory.discard(old.places + start, Self.stepBytes) }
            start = end
        }
        precondition(next < placeCount, "a table was made too small")
        Self.deallocate(old.places, old.placeCount)
        sparse = homes > Self.fewestHomes ? homes / 2 : 0
        return true
    }

    /// How much of a table is moved before its room goes back: whole pages of the system's.
    private static let stepBytes = 1 << 20
    private static var placesPerStep: Int { stepBytes / MemoryLayout<Place>.stride }

    private static func leastTail(homes: Int) -> Int { min(homes, 256) + 1 }

    // MARK: Memory

    /// A table of more bytes is taken from the system by whole pages, so that one that was outgrown leaves no hole behind.
    private static let mostAllocatedBytes = 32 << 10

    private static func byteCount(_ count: Int) -> Int {
        let bytes = count * MemoryLayout<Place>.stride
        return bytes > mostAllocatedBytes ? VirtualMemory.rounded(bytes) : bytes
    }

    /// Empty places; nil if the system has no memory left. A large table takes its room as it is filled.
    private static func allocate(_ count: Int) -> UnsafeMutablePointer<Place>? {
        // Zero bytes are empty places.
        let bytes = byteCount(count)
        let memory =
            bytes > mostAllocatedBytes ? VirtualMemory.map(bytes, isTouched: bytes <= stepBytes) : calloc(1, bytes)
        return memory?.bindMemory(to: Place.self, capacity: count)
    }

    private static func deallocate(_ places: UnsafeMutablePointer<Place>, _ count: Int) {
        let bytes = byteCount(count)
        if bytes > mostAllocatedBytes { VirtualMemory.unmap(places, bytes) } else { free(places) }
    }
}
