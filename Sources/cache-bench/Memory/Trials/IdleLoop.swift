/// A loop that only looks at the clock: what pauses it sees are the system's, and not those of a cache.
struct IdleLoop {
    private var longest: UInt64 = 0
    private var beyondBound = 0
    private var total: UInt64 = 0

    /// Looks at the clock for so many nanoseconds.
    mutating func run(for nanoseconds: UInt64) {
        let start = MachineClock.wall()
        var last = start
        while last - start < nanoseconds {
            let now = MachineClock.wall()
            let gap = now - last
            longest = max(longest, gap)
            if gap > OperationTimes.bound { beyondBound += 1 }
            last = now
        }
        total += last - start
    }

    struct Summary: Codable, Equatable, Sendable {
        let seconds: Double
        /// The longest time between two looks, in microseconds.
        let longest: Double
        let beyondBound: Int
    }

    var summary: Summary {
        Summary(seconds: Double(total) / 1e9, longest: Double(longest) / 1000, beyondBound: beyondBound)
    }
}
