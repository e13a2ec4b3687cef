import Synchronization
import TestSupport
import Testing

@testable import CacheCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Neither side can hold the other off for ever. How long it took is counted in the other side's turns, not in seconds: that a
/// thread is not given a processor says nothing about the lock.
@Suite struct ReadWriteLockStarvationTests {
    /// How many turns of the other side there may be while one waits. A fair lock needs a few; but the thread may lose its
    /// processor after it began to count and before it asked.
    private static let bound = 100_000
    private static let rounds = 25

    /// Readers hand the lock on to each other without ever leaving it empty: a lock that lets a reader in beside others
    /// although a writer waits never lets that writer in.
    @Test func aStreamOfReadersCannotStarveAWriter() throws {
        let lock = Shared(ReadWriteLock())
        let inside = Tally()
        let turns = Tally()
        let isDone = Flag()
        let readers = ThreadRun(3)
        readers.start { _ in
            while !isDone.isUp {
                lock.value.withReadLock {
                    inside.add()
                    turns.add()
                    // Stays until another reader is in, for as long as one may come at all.
                    var patience = 20
                    while inside.value < 2, patience > 0, !isDone.isUp {
                        patience -= 1
                        sched_yield()
                    }
                    inside.add(-1)
                }
            }
        }
        let waits = try waits(isDone: isDone, turns: turns) { lock.value.withWriteLock { turns.value } }
        isDone.raise()
        try readers.join()
        #expect(waits.sorted()[Self.rounds / 2] < 1000, "\(waits)")
    }

    /// Writers come one after another from several threads, always one more waiting: a reader gets its turn all the same.
    @Test func aStreamOfWritersCannotStarveAReader() throws {
        let lock = Shared(ReadWriteLock())
        let turns = Tally()
        let waiting = Tally()
        let isDone = Flag()
        let writers = ThreadRun(3)
        writers.start { _ in
            while !isDone.isUp {
                waiting.add()
                lock.value.withWriteLock {
                    waiting.add(-1)
                    turns.add()
                    // Leaves when both others have asked, so that the lock always has a writer to go to.
                    var patience = 50
                    while waiting.value < 2, patience > 0, !isDone.isUp {
                        patience -= 1
                        sched_yield()
                    }
                    for _ in 0..<5 { sched_yield() }
                }
            }
        }
        let waits = try waits(isDone: isDone, turns: turns) { lock.value.withReadLock { turns.value } }
        isDone.raise()
        try writers.join()
        #expect(waits.sorted()[Self.rounds / 2] < 1000, "\(waits)")
    }

    /// Enters the lock again and again, and counts the turns that others had meanwhile.
    private func waits(isDone: Flag, turns: Tally, enter: @escaping @Sendable () -> Int) throws -> [Int] {
        let entered = Tally()
        let waits = Mutex<[Int]>([])
        let begin = Tally()
        let enterer = ThreadRun(1)
        enterer.start { _ in
            for _ in 0..<Self.rounds {
                // The stream is running.
                let start = turns.value
                try waitUntil("the others have turns") { turns.value >= start + 20 }
                let before = turns.value
                begin.add(before - begin.value)
                let wait = enter() - before
                waits.withLock { $0.append(wait) }
                entered.add()
            }
        }
        try waitUntil("the lock is entered \(Self.rounds) times", deadline: .seconds(300)) {
            entered.value == Self.rounds || (begin.value > 0 && turns.value - begin.value > Self.bound)
        }
        if entered.value < Self.rounds {
            isDone.raise()
            Issue.record(
                "entered \(entered.value) times of \(Self.rounds) in \(turns.value) turns of the others: starved")
        }
        try enterer.join()
        return waits.withLock { $0 }
    }
}
