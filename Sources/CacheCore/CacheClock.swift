internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Where a cache takes the time from: the machine's monotonic clock, or one that a test moves by hand.
public struct CacheClock: Sendable {
    fileprivate enum Source: Sendable {
        case monotonic
        case manual(ManualClock)
    }

    fileprivate let source: Source

    /// The machine's clock: never set back, and it goes on while the machine is suspended, as time to live must.
    public static let monotonic = CacheClock(source: .monotonic)

    /// A clock that stands still until ``ManualClock/advance(by:)`` is called.
    public static func manual(_ clock: ManualClock) -> CacheClock { CacheClock(source: .manual(clock)) }

    var isManual: Bool {
        if case .manual = source { return true }
        return false
    }

    /// The monotonic time in nanoseconds, from an arbitrary origin.
    @inline(__always)
    package func now() -> Int64 {
        switch source {
        case .monotonic: Self.nanoseconds(of: Self.monotonicID)
        case .manual(let clock): clock.now
        }
    }

    /// The time, and the first of `count` ranks in the order of all uses: a later use has a higher rank.
    ///
    /// With the machine's clock the time itself is the rank, so that no counter is shared by the threads that read.
    @inline(__always)
    func reading(uses count: Int = 1) -> (now: Int64, rank: Int64) {
        switch source {
        case .monotonic:
            let now = Self.nanoseconds(of: Self.monotonicID)
            return (now, now)
        case .manual(let clock):
            return (clock.now, clock.takeRanks(count))
        }
    }

    /// The lower 32 bits of a rank, in units that set two uses on different processors apart: of two ranks that are less than half an
    /// hour from each other they tell which is the later.
    @inline(__always)
    func shortRank(_ rank: Int64) -> UInt32 {
        switch source {
        case .monotonic: UInt32(truncatingIfNeeded: rank >> 10)
        case .manual: UInt32(truncatingIfNeeded: rank)
        }
    }

    /// The time of day in nanoseconds since 1970, for what is written to files and sent to other machines.
    package func wallClock() -> Int64 {
        switch source {
        case .monotonic: Self.nanoseconds(of: CLOCK_REALTIME)
        case .manual(let clock): clock.epoch + clock.now
        }
    }

    #if os(Linux)
        private static var monotonicID: clockid_t { CLOCK_BOOTTIME }
    #else
        private static var monotonicID: clockid_t { CLOCK_MONOTONIC }
    #endif

    @inline(__always)
    private static func nanoseconds(of clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

/// A clock that a test drives: time passes when ``advance(by:)`` is called, and only then.
public final class ManualClock: Sendable {
    private let elapsed = Atomic<Int64>(0)
    private let ranks = Atomic<Int64>(0)
    fileprivate let epoch: Int64

    /// - Parameter secondsSince1970: The time of day that the clock shows at first.
    public init(secondsSince1970: Int = 0) {
        epoch = Int64(secondsSince1970) * 1_000_000_000
    }

    /// Lets `duration` pass, which must not be negative; the clock runs for 292 years.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "time does not go back: a clock cannot advance by \(duration)")
        let (before, after) = elapsed.wrappingAdd(duration.nanoseconds, ordering: .sequentiallyConsistent)
        precondition(after >= before, "a clock cannot advance by \(duration): it runs for 292 years")
    }

    fileprivate var now: Int64 { elapsed.load(ordering: .sequentiallyConsistent) }

    fileprivate func takeRanks(_ count: Int) -> Int64 {
        ranks.wrappingAdd(Int64(count), ordering: .relaxed).oldValue
    }
}

extension Duration {
    /// The whole nanoseconds in it, at most `Int64.max` and at least `Int64.min`.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowOfSum) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        if overflow || overflowOfSum { return seconds < 0 ? .min : .max }
        return sum
    }
}
