internal import CSched

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Which of a few stripes of shared state the processor uses that the calling thread runs on: two threads that run at the same
/// moment meet on one only where there are more processors than stripes.
///
/// A thread may be moved to another processor at any time: what it began on one stripe it must end on the same.
package enum ProcessorStripe {
    /// A stripe for each processor, up to a few: a writer has to visit them all.
    package static let count: Int = {
        let processors = min(max(1, sysconf(CInt(_SC_NPROCESSORS_CONF))), mostStripes)
        return processors < 2 ? 1 : 1 << (Int.bitWidth - (processors - 1).leadingZeroBitCount)
    }()

    private static let mostStripes = 4

    /// The stripe of the present processor: 0 ..< `stripes`, which is a power of two.
    @inline(__always)
    package static func current(of stripes: Int) -> Int {
        let processor = Int(sched_processor())
        return (processor >= 0 ? processor : ThreadStripe.current) & (stripes - 1)
    }
}
