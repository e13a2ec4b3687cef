import TestSupport
import Testing

@testable import CacheCore

@Suite struct EntryTests {
    private let entries = TestEntries()

    @Test func keepsWhatItWasMadeOf() throws {
        let entry = try entries.make("key\0é", hash: 7, value: "[1,2]", storedAt: 3, expiresAt: 9, rank: 11)
        #expect(entry.keyText == "key\0é")
        #expect(entry.valueText == "[1,2]")
        #expect(entry.hash == 7)
        #expect(entry.storedAt == 3)
        #expect(entry.expiresAt == 9)
        #expect(entry.lastUse == 11)
        #expect(entry.newer == nil && entry.older == nil && entry.timerNext == nil && entry.timerPrevious == nil)
        #expect(entry.timerBucket == TimerWheel.noBucket)
        #expect(entry.nextUsed == 0)
    }

    @Test func knowsItsKey() throws {
        let entry = try entries.make("key", value: "1")
        for (key, isSame) in [("key", true), ("kex", false), ("ke", false), ("key1", false), ("", false)] {
            #expect(withUTF8(of: key) { entry.hasKey($0) } == isSame, "\(key)")
        }
    }

    /// The digest is the same whether it is computed at every read or kept behind a large value, at any alignment.
    @Test func digestDependsOnTheValueAlone() throws {
        for count in [0, 1, 8, 1023, 1024, 1025, 1026, 1031, 5000] {
            let value = String(repeating: "v", count: count)
            let expected = withUTF8(of: value) { contentDigest($0) }
            for key in ["k", "ke", "key", "four", "a longer key"] {
                #expect(try entries.make(key, value: value).digest == expected, "\(count) bytes")
            }
        }
    }

    /// Fixed by the algorithm (XXH3, 64 bits, no seed): an entity tag outlives the process.
    @Test func digestIsTheSameForEver() throws {
        #expect(try entries.make("k", value: "").digest == 0x2D06_8005_38D3_94C2)
        #expect(try entries.make("k", value: "null").digest == (try entries.make("other", value: "null").digest))
        #expect(try entries.make("k", value: "1").digest != (try entries.make("k", value: "2").digest))
    }

    @Test func footprintCoversTheBlock() throws {
        var last = 0
        for count in [0, 10, 100, 1000, 100_000] {
            let footprint = try entries.make("key", value: String(repeating: "v", count: count)).footprint
            #expect(footprint >= MemoryLayout<EntryHeader>.size + 3 + count)
            #expect(footprint > last)
            last = footprint
        }
    }

    @Test func passesThroughWordsAndBack() throws {
        let entry = try entries.make("key", value: "1")
        #expect(Entry(bits: entry.bits) == entry)
        #expect(Entry(opaque: entry.opaque) == entry)
        #expect(Entry(bits: 0) == nil)
    }

    /// Of many readers that come upon an entry at once, one puts it on the list of uses.
    @Test func oneOfManyClaimsThePlaceOnTheListOfUses() throws {
        for _ in 0..<50 {
            let bits = try entries.make("key", value: "1").bits
            let claims = Tally()
            try runThreads(4) { _ in if Entry(bits: bits)!.claimNextUsed(1) { claims.add() } }
            #expect(claims.value == 1)
        }
    }
}
