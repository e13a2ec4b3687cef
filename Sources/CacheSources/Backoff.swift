#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// How often a source that was cut off is tried again, and after how long: twice as long each time, and by chance up to a half less, so
/// that many that were cut at once do not come back at once.
struct Backoff {
    /// How many tries there are in a row.
    var attempts = 6
    var first = Duration.milliseconds(200)
    var most = Duration.seconds(5)
    /// From 0 up to 1.
    var random: () -> Double = { Double.random(in: 0..<1) }
    var now: () -> Duration = { ContinuousClock.now - origin }
    /// Blocks the thread.
    var sleep: (Duration) -> Void = { usleep(UInt32(clamping: Int64($0 / .microseconds(1)))) }

    private static let origin = ContinuousClock.now

    /// - Parameter failures: How many there were in a row, at least one.
    func delay(after failures: Int) -> Duration {
        let whole = min(most, first * (1 << min(failures - 1, 20)))
        return whole * (1 - random() / 2)
    }
}
