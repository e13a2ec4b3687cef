import TestSupport
import Testing

@testable import CacheCore

@Suite struct EvictionListTests {
    private let entries = TestEntries()

    @Test func isEmptyAtFirst() {
        let list = EvictionList<Entry>()
        #expect(list.newest == nil && list.oldest == nil)
    }

    /// Against an array, the oldest first.
    @Test func keepsTheOrderOfUses() throws {
        var random = TestSeed.generator()
        var list = EvictionList<Entry>()
        var off = try (0..<12).map { try entries.make("key-\($0)") }
        var on: [Entry] = []
        for _ in 0..<4000 {
            switch random.below(4) {
            case 0 where !off.isEmpty:
                let entry = off.remove(at: random.below(off.count))
                list.append(entry)
                on.append(entry)
            case 1 where !on.isEmpty:
                let entry = on.remove(at: random.below(on.count))
                list.remove(entry)
                off.append(entry)
                #expect(entry.newer == nil && entry.older == nil)
            case 2 where !on.isEmpty:
                let entry = on.remove(at: random.below(on.count))
                list.moveToNewest(entry)
                on.append(entry)
            default: break
            }
            #expect(forwards(list) == on)
            #expect(backwards(list) == on)
        }
    }

    private func forwards(_ list: borrowing EvictionList<Entry>) -> [Entry] {
        var found: [Entry] = []
        var entry = list.oldest
        while let current = entry {
            found.append(current)
            entry = current.newer
        }
        return found
    }

    private func backwards(_ list: borrowing EvictionList<Entry>) -> [Entry] {
        var found: [Entry] = []
        var entry = list.newest
        while let current = entry {
            found.append(current)
            entry = current.older
        }
        return found.reversed()
    }
}
