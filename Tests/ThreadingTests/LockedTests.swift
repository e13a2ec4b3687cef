import TestSupport
import Testing
import Threading

@Suite struct LockedTests {
    private struct Token: ~Copyable {
        let ended: Tally
        deinit { ended.add() }
    }

    private final class Tally: @unchecked Sendable {
        // Sendable: each test uses it from one thread.
        private(set) var value = 0
        func add() { value += 1 }
    }

    private struct Refused: Error {}

    @Test func givesBackWhatTheBodyReturnsOrThrows() {
        let locked = Locked([1])
        #expect(
            locked.withLock { value in
                value.append(2)
                return value.count
            } == 2)
        #expect(throws: Refused.self) { try locked.withLock { _ throws(Refused) in throw Refused() } }
        #expect(locked.withLock { $0 } == [1, 2], "the lock was given back")
    }

    @Test func endsItsValueWithItself() {
        let ended = Tally()
        do {
            let locked = Locked(Token(ended: ended))
            locked.withLock { _ in }
            #expect(ended.value == 0)
        }
        #expect(ended.value == 1)
    }

    @Test func oneThreadAtATime() throws {
        final class Shared: Sendable { let count = Locked(0) }
        let shared = Shared()
        let threads = ThreadRun(4)
        threads.start { _ in
            for _ in 0..<10_000 { shared.count.withLock { $0 += 1 } }
        }
        try threads.join()
        #expect(shared.count.withLock { $0 } == 40_000)
    }
}
