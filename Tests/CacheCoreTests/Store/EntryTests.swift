import TestSupport
import Testing

@testable import CacheCore

@Suite struct EntryTests {
    @Test(arguments: [false, true])
    func keepsWhatItWasMadeOf(hasRanks: Bool) throws {
        let entries = TestEntries(hasRanks: hasRanks)
        let entry = try entries.make("key\0é", value: "[1,2]", storedAt: 3 << 26, expiresAt: 9, rank: 11)
        #expect(entry.keyText == "key\0é")
        #expect(entry.valueText == "[1,2]")
        #expect(entry.hash == withUTF8(of: "key\0é") { KeyHasher().hash($0) })
        #expect(entry.stored.age(at: 3 << 26 + 5) == 5)
        #expect(entry.expiresAt == 9)
        #expect(entry.rank == (hasRanks ? 11 : 0))
        #expect(entry.newer == nil && entry.older == nil && entry.frequency == 0 && entry.list == .first)
        #expect(entry.isHandedOut)
    }

    /// The age is that since the put, wherever the clock stands, and never less than nothing.
    @Test(arguments: [0, 1, 1 << 26, 1 << 57, 288_230_376_151_711_743, 1 << 58, 300_000_000_000_000_000] as [Int64])
    func knowsItsAge(storedAt: Int64) {
        let stored = StoredTime(storedAt)
        for age in [0, 1, 1_000_000_000, 3_600_000_000_000, 1 << 57, 283_000_000_000_000_000] as [Int64] {
            let excess = stored.age(at: storedAt + age) - age
            #expect((0..<1 << 26).contains(excess), "\(age)")
        }
        // Of a reader that looked at the clock before the writer.
        #expect(stored.age(at: max(0, storedAt - 1_000_000_000)) < 1 << 26)
    }

    @Test func knowsItsKey() throws {
        let entries = TestEntries()
        let entry = try entries.make("key")
        defer { entries.free(entry) }
        for (key, isSame) in [("key", true), ("kex", false), ("ke", false), ("key1", false), ("", false)] {
            #expect(withUTF8(of: key) { entry.hasKey($0) } == isSame, "\(key)")
        }
    }

    /// Counts at and around every bound of the layout: of the counts' widths, of the digest, of a slot, of pieces, of what stands outside.
    private static let keyCounts = [1, 16, 255, 256, 511, 512, 513, 2047, 2048, 2049, 65535]
    private static let valueCounts =
        [
            0, 1, 64, 1000, 1023, 1024, 1025, 4000, 4087, 4088, 4089, 8176, 16383, 16384, 16385, 65535, 65536, 65537,
            200_000,
        ]

    @Test(arguments: [4096, 16384], [false, true])
    func everySizeComesBackAsItWas(pageSize: Int, hasRanks: Bool) throws {
        let entries = TestEntries(pageSize: pageSize, hasRanks: hasRanks)
        var held: [(entry: Entry, key: String, value: String)] = []
        for keyCount in Self.keyCounts {
            for valueCount in Self.valueCounts + [pageSize, pageSize * 4 - 1, pageSize * 4, pageSize * 4 + 1] {
                let key = String(repeating: "k", count: keyCount)
                let value = String((0..<valueCount).lazy.map { Character(UnicodeScalar(UInt8(48 + $0 % 71))) })
                let entry = try entries.make(key, value: value, expiresAt: Int64(held.count), rank: 5)
                let layout = entries.layout(key, value: value)
                try #require(entry.layout == layout)
                try #require(layout.size <= entries.slab.geometry.largest)
                held.append((entry, key, value))
            }
        }
        // All are still what they were when the last is in.
        for (place, (entry, key, value)) in held.enumerated() {
            try #require(entry.keyText == key && entry.valueCount == value.utf8.count && entry.expiresAt == place)
            let block = entry.copy()
            try #require(block.value.elementsEqual(value.utf8), "\(key.count) and \(value.count) bytes")
            try #require(block.digest == withUTF8(of: value) { contentDigest($0) })
            block.release()
            entry.list = .third
            entry.frequency = 2
            try #require(entry.list == .third && entry.frequency == 2 && entry.rank == (hasRanks ? 5 : 0))
        }
        for (entry, _, _) in held { entries.free(entry) }
        #expect(entries.slab.state.pointee.heldPages == 0)
    }

    /// A value may be written over another of the same layout; the links stay.
    @Test(arguments: [4096, 16384])
    func isWrittenOver(pageSize: Int) throws {
        let entries = TestEntries(pageSize: pageSize)
        let neighbour = try entries.make("neighbour")
        for count in [1, 100, 5000, 100_000] {
            let entry = try entries.make("key", value: String(repeating: "a", count: count))
            entry.newer = neighbour
            entry.list = .second
            let value = String(repeating: "b", count: count)
            let prepared = try entries.prepare("key", value: value, expiresAt: 77)
            entry.overwrite(with: prepared, layout: entries.layout("key", value: value))?.release()
            prepared.block.release()
            #expect(entry.valueText == value && entry.keyText == "key" && entry.expiresAt == 77)
            #expect(entry.newer == neighbour && entry.list == .second)
            entries.free(entry)
        }
    }

    /// Fixed by the algorithm (XXH3, 64 bits, no seed): an entity tag outlives the process.
    @Test func digestIsTheSameForEver() throws {
        let entries = TestEntries()
        func digest(_ value: String) throws -> UInt64 {
            let block = try entries.make("k", value: value).copy()
            defer { block.release() }
            return block.digest
        }
        #expect(try digest("") == 0x2D06_8005_38D3_94C2)
        #expect(try digest("null") == digest("null"))
        #expect(try digest("1") != digest("2"))
    }

    /// A large value is lent: who reads it has the very bytes, and keeps them when the entry is gone.
    @Test func aLargeValueOutlivesItsEntry() throws {
        let entries = TestEntries()
        let value = String(repeating: "v", count: 70_000)
        let entry = try entries.make("key", value: value)
        let (one, other) = (entry.copy(), entry.copy())
        #expect(one.value.baseAddress == other.value.baseAddress)
        entries.free(entry)
        #expect(one.value.elementsEqual(value.utf8))
        let again = ValueBlock(opaque: one.opaque)
        one.release()
        #expect(again.value.count == 70_000, "the other still holds it")
        other.release()
    }
}
