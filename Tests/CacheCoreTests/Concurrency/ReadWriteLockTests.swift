import TestSupport
import Testing

@testable import CacheCore

@Suite struct ReadWriteLockTests {
    private struct Failure: Error, Equatable { let number: Int }

    @Test func returnsWhatTheBodyReturns() {
        let lock = ReadWriteLock()
        #expect(lock.withReadLock { 1 } == 1)
        #expect(lock.withWriteLock { "two" } == "two")
    }

    /// Also where the result cannot be copied.
    @Test func returnsWhatCannotBeCopied() {
        struct Token: ~Copyable { let number: Int }
        let lock = ReadWriteLock()
        let read = lock.withReadLock { Token(number: 1) }
        let written = lock.withWriteLock { Token(number: 2) }
        #expect(read.number + written.number == 3)
    }

    @Test func throwsWhatTheBodyThrowsAndIsFreeThen() throws {
        let lock = ReadWriteLock()
        #expect(throws: Failure(number: 1)) { try lock.withReadLock { throw Failure(number: 1) } }
        #expect(lock.withWriteLock { true }, "released by the reader that threw")
        #expect(throws: Failure(number: 2)) { try lock.withWriteLock { throw Failure(number: 2) } }
        #expect(lock.withWriteLock { true }, "released by the writer that threw")
        #expect(lock.withReadLock { true })
    }

    /// The first reader leaves only when the second is in: they are in together.
    @Test func readersAreInTogether() throws {
        let lock = Shared(ReadWriteLock())
        let inside = Tally()
        try runThreads(4) { _ in
            try lock.value.withReadLock {
                inside.add()
                try waitUntil("all readers are in") { inside.value == 4 }
            }
        }
        #expect(inside.value == 4)
    }

    /// While a writer is in, nobody else is; while readers are in, no writer.
    @Test func aWriterIsInAlone() throws {
        let lock = Shared(ReadWriteLock())
        let readers = Tally()
        let writers = Tally()
        let turns = Tally()
        // Guarded by the lock; two writers at once would lose additions.
        let guarded = Unguarded()
        try runThreads(6) { thread in
            for _ in 0..<2000 {
                if thread < 2 {
                    lock.value.withWriteLock {
                        if writers.add() != 1 || readers.value != 0 { Issue.record("a writer is not alone") }
                        guarded.number += 1
                        writers.add(-1)
                    }
                } else {
                    lock.value.withReadLock {
                        readers.add()
                        if writers.value != 0 { Issue.record("a reader beside a writer") }
                        readers.add(-1)
                    }
                }
                turns.add()
            }
        }
        #expect(turns.value == 12_000)
        #expect(guarded.number == 4000)
    }

    /// What a writer wrote is there for the next reader, without any other synchronization.
    @Test func writesAreSeenByReaders() throws {
        let lock = Shared(ReadWriteLock())
        let guarded = Unguarded()
        try runThreads(4) { thread in
            var last = 0
            for _ in 0..<3000 {
                if thread == 0 {
                    lock.value.withWriteLock {
                        guarded.number += 1
                        guarded.copy = guarded.number
                    }
                } else {
                    lock.value.withReadLock {
                        if guarded.number != guarded.copy || guarded.number < last {
                            Issue.record("a torn or stale read")
                        }
                        last = guarded.number
                    }
                }
            }
        }
        #expect(guarded.number == 3000)
    }

    final class Unguarded: @unchecked Sendable {
        // Sendable: used under the lock that is tested; the thread sanitizer sees it when that fails.
        var number = 0
        var copy = 0
    }
}

/// A value that cannot be copied, for threads to share.
final class Shared<Value: ~Copyable & Sendable>: Sendable {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}
