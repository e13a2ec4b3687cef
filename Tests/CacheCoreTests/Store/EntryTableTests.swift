import TestSupport
import Testing

@testable import CacheCore

#if os(Linux)
    import Glibc
#endif

/// How the hashes of a table's entries are chosen: as a good hash function would, and as badly as can be.
enum HashPattern: CaseIterable {
    case random
    /// All homes lie close together: one long run of occupied slots.
    case sameHome
    /// All homes are the last ones: entries are pushed over the end.
    case endOfTable
    /// Few hashes for many entries.
    case fewHashes
    /// One hash for all entries, the lowest or the highest there is.
    case lowest, highest

    func hash(_ random: inout SplitMix64, shardBits: Int, shard: Int) -> UInt64 {
        let free = UInt64.max >> UInt64(shardBits)
        let own: UInt64 =
            switch self {
            case .random: random.next() & free
            case .sameHome: free / 3 &+ random.next() & 0xFFFF
            case .endOfTable: free - random.next() & 0xFFFF
            case .fewHashes: free / 7 * UInt64(random.below(7))
            case .lowest: 0
            case .highest: free
            }
        return UInt64(shard) << UInt64(64 - shardBits) | own
    }
}

@Suite struct EntryTableTests {
    private let entries = TestEntries()

    /// An entry and the hash that the table is told of it, which is not its key's.
    private struct Hashed: Equatable {
        let entry: Entry
        let hash: UInt64
    }

    private func make(_ key: String, hash: UInt64) throws -> Hashed { Hashed(entry: try entries.make(key), hash: hash) }

    private func makeTable(shardBits: Int = 0, shard: Int = 0) -> EntryTable {
        EntryTable(shardBits: shardBits, shard: shard, slab: entries.slab)
    }

    /// Every key is found, with its own entry, after any insertions and removals; absent ones are not; a full scan meets
    /// all in the order of their hashes.
    @Test(arguments: HashPattern.allCases, [0, 5])
    func findsWhatIsInIt(pattern: HashPattern, shardBits: Int) throws {
        var random = TestSeed.generator("findsWhatIsInIt \(pattern) \(shardBits)")
        let shard = shardBits == 0 ? 0 : 1 << shardBits - 1
        var table = makeTable(shardBits: shardBits, shard: shard)
        let least = table.footprint
        var held: [Hashed] = []
        var absent: [Hashed] = []
        for number in 0..<600 {
            let hash = pattern.hash(&random, shardBits: shardBits, shard: shard)
            absent.append(try make("key-\(number)", hash: hash))
        }
        // Mostly insertions, then mostly removals, and again; the table grows and shrinks several times.
        for step in 0..<6000 {
            let grows = (step / 1500).isMultiple(of: 2)
            if absent.isEmpty || (!held.isEmpty && random.below(10) < (grows ? 3 : 7)) {
                let entry = held.remove(at: random.below(held.count))
                table.remove(entry.entry, hash: entry.hash)
                absent.append(entry)
            } else {
                let entry = absent.remove(at: random.below(absent.count))
                #expect(find(entry, in: table) == nil)
                insert(entry, into: &table)
                held.append(entry)
            }
            #expect(table.count == held.count)
            if step % 250 == 0 { check(table, holds: held, not: absent) }
        }
        for entry in held { table.remove(entry.entry, hash: entry.hash) }
        #expect(table.count == 0)
        #expect(table.footprint == least, "an empty table is as small as a new one")
        check(table, holds: [], not: held + absent)
    }

    @Test func relocatesAnEntryInItsPlace() throws {
        var random = TestSeed.generator()
        var table = makeTable()
        var held = try (0..<200).map { try make("key-\($0)", hash: random.next() >> 60) }
        for entry in held { insert(entry, into: &table) }
        for place in held.indices {
            let new = try make(held[place].entry.keyText, hash: held[place].hash)
            table.relocate(held[place].entry, to: new.entry, hash: new.hash)
            held[place] = new
        }
        check(table, holds: held, not: [])
        #expect(table.count == 200)
    }

    /// To clear a large table from the front, as a scan does, takes time in proportion: it is not rebuilt in vain at every step.
    @Test func isClearedFromTheFront() throws {
        var random = TestSeed.generator()
        var table = makeTable()
        let least = table.footprint
        var held = try (0..<20_000).map { try make("key-\($0)", hash: random.next()) }
        for entry in held { insert(entry, into: &table) }
        held.sort { $0.hash > $1.hash }
        var footprints = Set<Int>()
        while let entry = held.popLast() {
            table.remove(entry.entry, hash: entry.hash)
            footprints.insert(table.footprint)
            if held.count % 1000 == 0 { check(table, holds: held, not: [entry]) }
        }
        #expect(table.footprint == least)
        #expect(footprints.count < 40)
    }

    /// Even when all hashes are the very last one, memory stays in proportion to the entries.
    @Test func manyEqualHashesAtTheEndTakeMemoryInProportion() throws {
        var table = makeTable()
        var held: [Hashed] = []
        for number in 0..<2000 {
            let entry = try make("key-\(number)", hash: .max)
            insert(entry, into: &table)
            held.append(entry)
        }
        #expect(table.footprint < 2000 * 8 * 8)
        check(table, holds: held, not: [])
        for entry in held.reversed() { table.remove(entry.entry, hash: entry.hash) }
        #expect(table.count == 0)
    }

    @Test func growthIsWhatGrowingTakes() throws {
        var random = TestSeed.generator()
        for pattern in [HashPattern.random, .highest] {
            var table = makeTable()
            for number in 0..<1000 {
                let hash = pattern.hash(&random, shardBits: 0, shard: 0)
                let entry = try make("key-\(number)", hash: hash)
                while !table.insert(entry.entry, hash: entry.hash) {
                    let (before, growth) = (table.footprint, table.growth)
                    let isGrown = table.grow()
                    #expect(isGrown)
                    #expect(growth > 0)
                    #expect(table.footprint == before + growth)
                }
            }
            #expect(table.count == 1000)
        }
    }

    /// That there is room is true of any hash: what the caller booked for the table is all that an insertion takes.
    @Test(arguments: [HashPattern.random, .highest])
    func roomIsForAnyHash(pattern: HashPattern) throws {
        var random = TestSeed.generator("roomIsForAnyHash \(pattern)")
        var table = makeTable()
        var held: [Hashed] = []
        for number in 0..<3000 {
            while !table.hasRoom {
                let isGrown = table.grow()
                try #require(isGrown)
            }
            let footprint = table.footprint
            let hash = random.oneIn(2) ? .max : pattern.hash(&random, shardBits: 0, shard: 0)
            let entry = try make("key-\(number)", hash: hash)
            let isIn = table.insert(entry.entry, hash: hash)
            try #require(isIn && table.footprint == footprint)
            held.append(entry)
            if random.oneIn(3) {
                held.swapAt(random.below(held.count), held.count - 1)
                let gone = held.removeLast()
                table.remove(gone.entry, hash: gone.hash)
            }
        }
        check(table, holds: held, not: [])
    }

    #if os(Linux)
        /// A table that moves does not hold twice its memory meanwhile.
        @Test func theOldTableMakesRoomForTheNew() async {
            await #expect(processExitsWith: .success) {
                func peak() -> Int {
                    var usage = rusage()
                    let status = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
                    precondition(status == 0)
                    return usage.ru_maxrss << 10
                }
                let entries = TestEntries()
                var table = EntryTable(shardBits: 0, shard: 0, slab: entries.slab)
                let entry = try entries.make("key")
                let before = peak()
                // The same entry again and again: the table looks at the hashes alone.
                for number in 1...1 << 20 {
                    let hash = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
                    while !table.insert(entry, hash: hash) {
                        let isGrown = table.grow()
                        precondition(isGrown)
                    }
                }
                precondition(table.footprint > 8 << 20)
                precondition(peak() - before < table.footprint + 5 << 20, "\(peak() - before) for \(table.footprint)")
            }
        }
    #endif

    // MARK: Scanning

    /// An entry that stays in the table is met exactly once, whatever else comes and goes between the steps, however short
    /// they are, while the table grows and shrinks under the scan.
    @Test(arguments: HashPattern.allCases, [1, 3, 64])
    func scanMeetsWhatStaysExactlyOnce(pattern: HashPattern, limit: Int) throws {
        var random = TestSeed.generator("scanMeetsWhatStaysExactlyOnce \(pattern) \(limit)")
        for round in 0..<8 {
            let shardBits = round % 2 * 3
            let shard = shardBits == 0 ? 0 : random.below(8)
            var table = makeTable(shardBits: shardBits, shard: shard)
            func made(_ name: String) throws -> Hashed {
                let hash = pattern.hash(&random, shardBits: shardBits, shard: shard)
                return try make("\(round)-\(name)", hash: hash)
            }
            let stable = try (0..<80).map { try made("stable-\($0)") }
            var coming = try (0..<400).map { try made("coming-\($0)") }
            var going = try (0..<(round * 40)).map { try made("going-\($0)") }
            let hashes = Dictionary(uniqueKeysWithValues: (stable + coming + going).map { ($0.entry.slot, $0.hash) })
            for entry in stable + going { insert(entry, into: &table) }

            var met: [Slab.SlotID: Int] = [:]
            var last: UInt64 = 0
            var next: UInt64? = 0
            var steps = 0
            while let start = next {
                steps += 1
                var visits = 0
                next = table.scan(from: start, limit: limit) { entry in
                    let kept = hashes[entry.slot]! >> 32
                    #expect(kept >= last, "the scan goes back")
                    last = kept
                    met[entry.slot, default: 0] += 1
                    visits += 1
                    return visits < limit
                }
                if let next { #expect(next > start, "the scan does not get on") }
                try #require(steps < 20_000, "the scan does not end")
                for _ in 0..<random.below(12) {
                    if random.oneIn(2), let entry = coming.popLast() {
                        insert(entry, into: &table)
                        going.append(entry)
                    } else if !going.isEmpty {
                        let entry = going.remove(at: random.below(going.count))
                        table.remove(entry.entry, hash: entry.hash)
                    }
                }
            }
            for entry in stable { #expect(met[entry.entry.slot] == 1, "\(entry.entry.keyText)") }
            #expect(met.values.allSatisfy { $0 == 1 })
        }
    }

    /// An entry far behind its home does not hold a scan of short steps up.
    @Test func scanGetsOnInALongRun() throws {
        var table = makeTable()
        for number in 0..<300 {
            insert(try make("a-\(number)", hash: 1 << 40), into: &table)
        }
        for number in 0..<5 {
            insert(try make("b-\(number)", hash: 1 << 40 + UInt64(number + 1) << 32), into: &table)
        }
        var met = 0
        var next: UInt64? = 0
        var steps = 0
        while let start = next {
            steps += 1
            try #require(steps < 1000, "the scan does not get on")
            next = table.scan(from: start, limit: 1) { _ in
                met += 1
                return true
            }
        }
        #expect(met == 305)
    }

    @Test func scanOfAnEmptyTableEnds() {
        let table = makeTable(shardBits: 2, shard: 1)
        #expect(table.scan(from: 0, limit: 1000) { _ in true } == nil)
        #expect(table.scan(from: .max, limit: 1) { _ in true } == nil)
    }

    // MARK: Helpers

    private func insert(_ entry: Hashed, into table: inout EntryTable) {
        while !table.insert(entry.entry, hash: entry.hash) { _ = table.grow() }
    }

    private func find(_ entry: Hashed, in table: borrowing EntryTable) -> Entry? {
        table.find(entry.entry.key, hash: entry.hash)
    }

    private func check(_ table: borrowing EntryTable, holds held: [Hashed], not absent: [Hashed]) {
        for entry in held { #expect(find(entry, in: table) == entry.entry, "\(entry.entry.keyText) is in the table") }
        for entry in absent { #expect(find(entry, in: table) == nil, "\(entry.entry.keyText) is not in the table") }
        var met: [Slab.SlotID] = []
        let next = table.scan(from: 0, limit: .max / 2) { entry in
            met.append(entry.slot)
            return true
        }
        #expect(next == nil)
        let hashes = Dictionary(uniqueKeysWithValues: held.map { ($0.entry.slot, $0.hash >> 32) })
        #expect(Set(met) == Set(hashes.keys))
        #expect(met.count == held.count)
        let order = met.map { hashes[$0] ?? 0 }
        #expect(order == order.sorted())
    }
}
