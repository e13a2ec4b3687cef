import Glibc

/// Clocks of the machine, in nanoseconds from an origin of their own.
enum MachineClock {
    /// The time that passes for everyone.
    @inline(__always)
    static func wall() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// The time for which this thread had a processor: it stands still while the thread waits for one, or for a lock.
    @inline(__always)
    static func ofThread() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

    /// The time for which threads of this process had a processor, all together.
    static func ofProcess() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    @inline(__always)
    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
