import Glibc

/// A moment, to the millisecond, as RFC 3339 writes it in UTC.
struct Timestamp: Sendable, CustomStringConvertible {
    /// Since 1970 began.
    let milliseconds: Int64

    static func now() -> Timestamp {
        var time = timespec()
        // Cannot fail: the clock exists and the address is valid.
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Such as `2026-01-31T23:59:59.007Z`.
    var description: String {
        let (seconds, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let date = padded(parts.tm_year + 1900, 4) + "-" + padded(parts.tm_mon + 1, 2) + "-" + padded(parts.tm_mday, 2)
        let clock = padded(parts.tm_hour, 2) + ":" + padded(parts.tm_min, 2) + ":" + padded(parts.tm_sec, 2)
        return "\(date)T\(clock).\(padded(Int32(remainder), 3))Z"
    }

    private func padded(_ number: Int32, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
