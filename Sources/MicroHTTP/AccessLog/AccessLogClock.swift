internal import Glibc

/// The clocks of the access log, in nanoseconds.
enum AccessLogClock {
    /// A moment of a clock that nobody sets: that of ``Response/began``.
    @inline(__always)
    static var now: Int64 { read(CLOCK_BOOTTIME) }

    /// The time of day, since 1970 began.
    static var timeOfDay: Int64 { read(CLOCK_REALTIME) }

    @inline(__always)
    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Cannot fail: the clock exists and the address is valid.
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
