/// When an attempt that failed is repeated: after a random part of a time that doubles with each ("full jitter": M. Brooker,
/// "Exponential Backoff and Jitter", 2015), so that those who failed together do not come back together.
struct RetrySchedule {
    /// The longest pause before the first repetition, and before any, in nanoseconds.
    var first: Int64 = 50_000_000
    var longest: Int64 = 1_000_000_000
    /// How many repetitions there are at most.
    var retries: Int

    /// Nanoseconds until the next attempt; nil if there is none.
    ///
    /// - Parameters:
    ///   - attempts: How many failed, at least 1.
    ///   - fraction: A random number from 0 to 1.
    ///   - retryAfter: How long the origin asks to wait, if it does.
    ///   - timeLeft: How much time there is for all that is still to be done.
    func pause(after attempts: Int, fraction: Double, retryAfter: Int64?, timeLeft: Int64) -> Int64? {
        guard attempts <= retries else { return nil }
        let bound = min(longest, first << min(attempts - 1, 20))
        let pause = max(Int64(Double(bound) * fraction), retryAfter ?? 0)
        return pause < timeLeft ? pause : nil
    }

    /// Whether the same request may fare better in a moment.
    static func isWorthRepeating(_ failure: FetchFailure) -> Bool {
        switch failure {
        case .unreachable, .broken: true
        case .unreadable, .notAsked, .timedOut, .tooLarge: false
        }
    }

    static func isWorthRepeating(status: Int) -> Bool { status == 502 || status == 503 || status == 504 }
}
