import TestSupport
import Testing

@testable import CacheCore

@Suite struct UseListTests {
    private let entries = TestEntries()

    @Test func givesBackWhatWasUsedInTheOrderOfTheLastUses() throws {
        let list = UseList()
        #expect(list.isEmpty == true)
        let used = try (0..<4).map { try entries.make("key-\($0)") }
        for (rank, place) in [2, 0, 3, 2, 0].enumerated() { list.note(used[place], rank: Int64(rank)) }
        #expect(list.isEmpty == false)
        #expect(list.takeAll() == [used[3], used[2], used[0]])
        #expect(list.isEmpty == true)
        #expect(list.takeAll() == [])
        // Once taken they can be noted again.
        list.note(used[1], rank: 9)
        list.note(used[3], rank: 8)
        #expect(list.takeAll() == [used[3], used[1]])
    }

    @Test func ordersAnyUses() throws {
        var random = TestSeed.generator()
        let list = UseList()
        let all = try (0..<40).map { try entries.make("key-\($0)") }
        var rank: Int64 = 0
        for _ in 0..<200 {
            var expected: [Entry] = []
            for _ in 0..<random.below(80) {
                let entry = random.element(of: all)
                rank += 1
                list.note(entry, rank: rank)
                expected.removeAll { $0 == entry }
                expected.append(entry)
            }
            #expect(list.takeAll() == expected)
            #expect(all.allSatisfy { $0.nextUsed == 0 })
        }
    }

    /// Many readers note uses of the same entries at once: each entry is on the list once, none is lost.
    @Test func losesNothingWhenManyNoteAtOnce() throws {
        let list = Shared(UseList())
        let all = try (0..<200).map { try entries.make("key-\($0)").bits }
        for round in 0..<20 {
            try runThreads(4) { thread in
                var random = SplitMix64(seed: UInt64(round)).split(thread)
                for step in 0..<400 {
                    list.value.note(Entry(bits: all[random.below(100 + thread)])!, rank: Int64(step))
                }
                // Each thread alone is sure to use one.
                list.value.note(Entry(bits: all[150 + thread])!, rank: 1000)
            }
            let taken = list.value.takeAll()
            #expect(Set(taken.map(\.bits)).count == taken.count)
            #expect((0..<4).allSatisfy { taken.contains(Entry(bits: all[150 + $0])!) })
            #expect(taken.map(\.lastUse) == taken.map(\.lastUse).sorted())
            #expect(all.allSatisfy { Entry(bits: $0)!.nextUsed == 0 })
        }
    }
}
