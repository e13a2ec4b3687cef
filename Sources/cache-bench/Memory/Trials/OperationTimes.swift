import Glibc
import Histogram

/// How long single operations of a kind took.
///
/// Each is measured by the wall clock, which is what a caller feels and what the bound is on, and by the time that its
/// thread had a processor. On a machine that is not idle, the system takes the processor away now and then, from whoever
/// has it: such a pause shows by the wall clock alone, and is counted apart. So does one that waits for a lock, which
/// the thread gives the processor up for by itself, and which is the cache's own doing.
struct OperationTimes {
    /// The bound on a single operation, in nanoseconds.
    static let bound: UInt64 = 5_000_000

    private var wall = Self.emptyHistogram
    private var longest: UInt64 = 0
    private var longestOnProcessor: UInt64 = 0
    private var beyondBound = 0
    private var beyondBoundOnProcessor = 0
    private var preempted = 0

    private static let mostTracked: UInt64 = 60_000_000_000

    private static var emptyHistogram: Histogram<UInt32> {
        Histogram(highestTrackableValue: mostTracked, numberOfSignificantValueDigits: .three)
    }

    /// Performs an operation and records how long it took.
    @inline(__always)
    mutating func measure<Result>(_ operation: () throws -> Result) rethrows -> Result {
        let preemptions = Self.preemptions()
        let processorStart = MachineClock.ofThread()
        let start = MachineClock.wall()
        let result = try operation()
        let end = MachineClock.wall()
        let processorEnd = MachineClock.ofThread()
        record(wall: end - start, onProcessor: processorEnd - processorStart) { Self.preemptions() > preemptions }
        return result
    }

    /// - Parameter wasPreempted: Whether the system took the processor away meanwhile; asked only about what is slow.
    mutating func record(wall elapsed: UInt64, onProcessor: UInt64, wasPreempted: () -> Bool) {
        wall.record(min(elapsed, Self.mostTracked))
        longest = max(longest, elapsed)
        longestOnProcessor = max(longestOnProcessor, onProcessor)
        if onProcessor > Self.bound { beyondBoundOnProcessor += 1 }
        guard elapsed > Self.bound else { return }
        beyondBound += 1
        if wasPreempted() { preempted += 1 }
    }

    /// `RUSAGE_THREAD`, which the C library's header keeps from programs that do not ask for its extensions.
    private static let thisThread = __rusage_who_t(1)

    /// How often the system took the processor from this thread.
    private static func preemptions() -> Int {
        var usage = rusage()
        getrusage(thisThread, &usage)
        return usage.ru_nivcsw
    }

    /// The figures, times in microseconds.
    struct Summary: Codable, Equatable, Sendable {
        let count: Int
        let p50: Double
        let p99: Double
        let p999: Double
        let longest: Double
        let longestOnProcessor: Double
        /// How many took longer than the bound by the wall clock, how many of these lost the processor meanwhile, and
        /// how many took longer than the bound by processor time alone.
        let beyondBound: Int
        let beyondBoundAndPreempted: Int
        let beyondBoundOnProcessor: Int
    }

    var summary: Summary {
        func microseconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1000 }
        func percentile(_ percent: Double) -> Double {
            wall.totalCount == 0 ? 0 : microseconds(wall.valueAtPercentile(percent))
        }
        return Summary(
            count: Int(wall.totalCount), p50: percentile(50), p99: percentile(99), p999: percentile(99.9),
            longest: microseconds(longest), longestOnProcessor: microseconds(longestOnProcessor),
            beyondBound: beyondBound, beyondBoundAndPreempted: preempted,
            beyondBoundOnProcessor: beyondBoundOnProcessor)
    }
}
