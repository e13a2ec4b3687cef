import TestSupport
import Testing

@testable import CacheCore

@Suite struct LedgerTests {
    @Test func givesRoomUpToTheBounds() {
        let ledger = Ledger(capacity: 3, memoryLimit: 100)
        var room = Ledger.Room()
        #expect(ledger.enlarge(&room, toEntries: 2, bytes: 100))
        #expect(room == Ledger.Room(entries: 2, bytes: 100))
        #expect(ledger.entries == 2 && ledger.bytes == 100)
        var other = Ledger.Room()
        #expect(!ledger.enlarge(&other, toEntries: 2, bytes: 0), "too many entries")
        #expect(!ledger.enlarge(&other, toEntries: 1, bytes: 1), "too many bytes")
        #expect(other == Ledger.Room(), "all or nothing")
        #expect(ledger.entries == 2 && ledger.bytes == 100)
        #expect(ledger.enlarge(&other, toEntries: 1, bytes: 0))
        ledger.release(&room)
        #expect(room == Ledger.Room())
        #expect(ledger.entries == 1 && ledger.bytes == 0)
        ledger.release(&other)
        #expect(ledger.entries == 0)
    }

    @Test func takesOnlyWhatRoomLacks() {
        let ledger = Ledger(capacity: 2, memoryLimit: 50)
        var room = Ledger.Room()
        #expect(ledger.enlarge(&room, toEntries: 1, bytes: 30))
        #expect(ledger.enlarge(&room, toEntries: 1, bytes: 50))
        #expect(ledger.bytes == 50 && ledger.entries == 1)
        #expect(ledger.enlarge(&room, toEntries: 0, bytes: -20), "a smaller entry in the place of a larger")
        #expect(room == Ledger.Room(entries: 1, bytes: 50))
        #expect(!ledger.enlarge(&room, toEntries: 1, bytes: 51))
    }

    @Test func filledRoomStaysHeld() {
        let ledger = Ledger(capacity: 2, memoryLimit: 50)
        var room = Ledger.Room()
        #expect(ledger.enlarge(&room, toEntries: 1, bytes: 40))
        room.fill(entries: 1, bytes: 30)
        #expect(room == Ledger.Room(entries: 0, bytes: 10))
        ledger.release(&room)
        #expect(ledger.entries == 1 && ledger.bytes == 30)
        // What replaces it is smaller: room is left.
        room.fill(entries: 0, bytes: -5)
        ledger.release(&room)
        #expect(ledger.bytes == 25)
    }

    @Test func withoutBoundsThereIsAlwaysRoom() {
        let ledger = Ledger(capacity: nil, memoryLimit: nil)
        var room = Ledger.Room()
        #expect(ledger.enlarge(&room, toEntries: 1 << 40, bytes: 1 << 50))
        #expect(ledger.entries == 1 << 40 && ledger.bytes == 1 << 50)
        ledger.release(&room)
        #expect(ledger.entries == 0 && ledger.bytes == 0)
    }

    @Test func aRequestLargerThanTheBoundIsRefused() {
        let ledger = Ledger(capacity: 1, memoryLimit: 10)
        var room = Ledger.Room()
        #expect(!ledger.enlarge(&room, toEntries: 2, bytes: 0))
        #expect(!ledger.enlarge(&room, toEntries: 0, bytes: .max))
        #expect(ledger.entries == 0 && ledger.bytes == 0)
    }

    @Test func theEmptyStoreCounts() {
        let ledger = Ledger(capacity: nil, memoryLimit: 100)
        ledger.bookEmptyStore(60)
        var room = Ledger.Room()
        #expect(!ledger.enlarge(&room, toEntries: 1, bytes: 41))
        #expect(ledger.enlarge(&room, toEntries: 1, bytes: 40))
    }

    /// Threads that compete for room: no moment is over a bound, and in the end all room is back.
    @Test func boundsHoldWhenManyCompete() throws {
        let ledger = Shared(Ledger(capacity: 10, memoryLimit: 1000))
        let random = TestSeed.generator()
        let refusals = Tally()
        try runThreads(4) { thread in
            var random = random.split(thread)
            var room = Ledger.Room()
            for _ in 0..<5000 {
                if !ledger.value.enlarge(&room, toEntries: random.below(12), bytes: random.below(1100)) {
                    refusals.add()
                }
                let (entries, bytes) = (ledger.value.entries, ledger.value.bytes)
                if entries > 10 || bytes > 1000 || entries < 0 || bytes < 0 {
                    Issue.record("\(entries) entries, \(bytes) bytes")
                }
                if random.oneIn(2) { ledger.value.release(&room) }
            }
            ledger.value.release(&room)
        }
        #expect(refusals.value > 0)
        #expect(ledger.value.entries == 0 && ledger.value.bytes == 0)
    }
}
