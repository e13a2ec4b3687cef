import TestSupport
import Testing

@testable import CacheCore

@Suite struct UseRingTests {
    private struct Use: Hashable {
        var slot: UInt32
        var word: UInt64
    }

    private func takeAll(_ ring: borrowing UseRing) -> [Use] {
        var uses: [Use] = []
        ring.takeAll { uses.append(Use(slot: $0, word: $1)) }
        return uses
    }

    @Test func givesBackWhatWasNotedInItsOrder() {
        let ring = UseRing(capacity: 4)
        #expect(ring.isEmpty == true)
        for number in [7, 3, 7] as [UInt32] { #expect(ring.note(number, word: UInt64(number) * 10) == true) }
        #expect(ring.isEmpty == false)
        #expect(takeAll(ring) == [Use(slot: 7, word: 70), Use(slot: 3, word: 30), Use(slot: 7, word: 70)])
        #expect(ring.isEmpty == true && takeAll(ring).isEmpty)
    }

    @Test func saysWhenThereIsNoRoom() {
        let ring = UseRing(capacity: 2)
        #expect(ring.note(1, word: 1) == true)
        #expect(ring.note(2, word: 2) == true)
        for _ in 0..<5 { #expect(ring.note(3, word: 3) == false) }
        #expect(takeAll(ring) == [Use(slot: 1, word: 1), Use(slot: 2, word: 2)])
        #expect(ring.note(4, word: 4) == true, "there is room again")
        #expect(takeAll(ring) == [Use(slot: 4, word: 4)])
    }

    /// Of what many threads note at once, nothing that found room is lost, and nothing comes twice.
    @Test func losesNothingThatFoundRoom() throws {
        for capacity in [100, 4000] {
            let ring = Shared(UseRing(capacity: capacity))
            let noted = Tally()
            try runThreads(4) { thread in
                for number in 0..<500 {
                    let slot = UInt32(thread * 500 + number + 1)
                    if ring.value.note(slot, word: UInt64(slot)) { noted.add() }
                }
            }
            let uses = takeAll(ring.value)
            #expect(uses.count == noted.value && uses.count == min(capacity, 2000))
            #expect(Set(uses).count == uses.count)
            #expect(uses.allSatisfy { UInt64($0.slot) == $0.word })
        }
    }
}
