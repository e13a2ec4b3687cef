import TestSupport
import Testing
import Threading

@Suite struct StripedCountersTests {
    @Test func countersBeginAtZeroAndAreApart() {
        let counters = StripedCounters(count: 40)
        counters.add(3, to: 0)
        counters.add(to: 39)
        counters.add(to: 39)
        #expect(counters.count == 40)
        #expect((0..<40).map { counters.sum($0) } == [3] + Array(repeating: 0, count: 38) + [2])
    }

    @Test func resetSetsAllToZero() {
        let counters = StripedCounters(count: 3)
        for index in 0..<3 { counters.add(UInt64(index) + 1, to: index) }
        counters.reset()
        #expect((0..<3).allSatisfy { counters.sum($0) == 0 })
        counters.add(to: 1)
        #expect(counters.sum(1) == 1)
    }

    /// No addition of any thread is lost, whichever stripes the threads share.
    @Test func additionsOfManyThreadsAreAllThere() throws {
        let counters = Shared(StripedCounters(count: 5))
        let threads = 24
        let additions = 5000
        try runThreads(threads) { thread in
            for _ in 0..<additions {
                counters.value.add(to: thread % 5)
                counters.value.add(UInt64(thread), to: 4)
            }
        }
        for index in 0..<4 {
            let adding = (0..<threads).count { $0 % 5 == index }
            #expect(counters.value.sum(index) == UInt64(adding * additions))
        }
        let own = (0..<threads).count { $0 % 5 == 4 }
        #expect(counters.value.sum(4) == UInt64((own + threads * (threads - 1) / 2) * additions))
    }

    /// A sum that is taken while others add lies between what was there before and after.
    @Test func sumsNeverFallWhileOthersAdd() throws {
        let counters = Shared(StripedCounters(count: 1))
        let additions = 20_000
        let isDone = Flag()
        let adders = ThreadRun(3)
        adders.start { _ in for _ in 0..<additions { counters.value.add(to: 0) } }
        let watcher = ThreadRun(1)
        watcher.start { _ in
            var last: UInt64 = 0
            while !isDone.isUp {
                let sum = counters.value.sum(0)
                #expect(sum >= last)
                last = sum
            }
        }
        try adders.join()
        isDone.raise()
        try watcher.join()
        #expect(counters.value.sum(0) == UInt64(3 * additions))
    }
}

/// A value that cannot be copied, for threads to share.
private final class Shared<Value: ~Copyable & Sendable>: Sendable {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}
