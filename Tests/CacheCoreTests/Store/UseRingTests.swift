import TestSupport
import Testing

@testable import CacheCore

@Suite struct UseRingTests {
    private struct Use: Hashable {
        var slot: UInt32
        var word: UInt64
    }

    private func takeAll(_ rings: borrowing UseRings) -> [Use] {
        var uses: [Use] = []
        rings.takeAll { uses.append(Use(slot: $0, word: $1)) }
        return uses
    }

    @Test func givesBackWhatWasNotedInItsOrder() {
        let rings = UseRings(stripes: 1, capacity: 4)
        #expect(rings.isEmpty == true)
        for (time, number) in [7, 3, 7].enumerated() {
            #expect(rings.note(UInt32(number), time: UInt32(time), word: UInt64(number) * 10, stripe: 0) == true)
        }
        #expect(rings.isEmpty == false)
        #expect(takeAll(rings) == [Use(slot: 7, word: 70), Use(slot: 3, word: 30), Use(slot: 7, word: 70)])
        #expect(rings.isEmpty == true && takeAll(rings).isEmpty)
    }

    @Test func saysWhenThereIsNoRoom() {
        let rings = UseRings(stripes: 2, capacity: 4)
        #expect(rings.note(1, time: 1, word: 1, stripe: 0) == true)
        #expect(rings.note(2, time: 2, word: 2, stripe: 0) == true)
        for _ in 0..<5 { #expect(rings.note(3, time: 3, word: 3, stripe: 0) == false) }
        #expect(rings.note(4, time: 4, word: 4, stripe: 1) == true, "each stripe has a room of its own")
        #expect(takeAll(rings) == [Use(slot: 1, word: 1), Use(slot: 2, word: 2), Use(slot: 4, word: 4)])
        #expect(rings.note(5, time: 5, word: 5, stripe: 0) == true, "there is room again")
        #expect(takeAll(rings) == [Use(slot: 5, word: 5)])
    }

    /// A client that is moved from one processor to another is still one client.
    @Test func mergesTheStripesByTime() {
        let rings = UseRings(stripes: 4, capacity: 128)
        // Round the end of 32 bits.
        let start = UInt32.max - 20
        for number in 0..<40 {
            let stripe = [0, 0, 2, 1, 1, 1, 3][number % 7]
            let time = start &+ UInt32(number)
            #expect(rings.note(UInt32(number + 1), time: time, word: 0, stripe: stripe) == true)
        }
        #expect(takeAll(rings).map(\.slot) == Array(1...40))
    }

    @Test func tellsTheSlotsOfEntriesAndNotOfMisses() {
        let rings = UseRings(stripes: 2, capacity: 8)
        _ = rings.note(5, time: 0, word: 1, stripe: 0)
        _ = rings.note(UseRing.miss, time: 1, word: 2, stripe: 0)
        _ = rings.note(6, time: 2, word: 3, stripe: 1)
        var slots: [UInt32] = []
        rings.forEachSlot { slots.append($0) }
        #expect(slots == [5, 6])
    }

    /// Of what many threads note at once, nothing that found room is lost, and nothing comes twice.
    @Test(arguments: [1, 4]) func losesNothingThatFoundRoom(stripes: Int) throws {
        for capacity in [100, 4000] {
            let rings = Shared(UseRings(stripes: stripes, capacity: capacity))
            let noted = Tally()
            try runThreads(4) { thread in
                for number in 0..<500 {
                    let slot = UInt32(thread * 500 + number + 1)
                    let isNoted = rings.value.note(
                        slot, time: UInt32(number), word: UInt64(slot), stripe: thread % stripes)
                    if isNoted { noted.add() }
                }
            }
            let uses = takeAll(rings.value)
            #expect(uses.count == noted.value && uses.count == min(capacity, 2000))
            #expect(Set(uses).count == uses.count)
            #expect(uses.allSatisfy { UInt64($0.slot) == $0.word })
        }
    }
}
