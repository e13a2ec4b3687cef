import TestSupport
import Testing
import Threading

@testable import CacheCore

@Suite struct EntryPlaceTests {
    /// As a sort of all of them at once puts them, with as many in all as fill runs, or not quite, and many of one rank.
    @Test(arguments: [0, 1, 2, (1 << 15) - 1, 1 << 15, (1 << 15) + 1, 5 << 15, 250_001], [3, .max])
    func isTheOrderOfASort(count: Int, ranks: Int) {
        var random = TestSeed.generator("isTheOrderOfASort")
        let places = (0..<count).map { number in
            EntryPlace(rank: Int64(random.below(ranks)), hash: UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
        }
        let idle = IdlePriority { false }
        #expect(EntryPlace.hashesInOrder(places, idle) == places.sorted().map(\.hash))
    }
}
