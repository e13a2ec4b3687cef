/// Keeps an origin from being asked that fails, so that it can recover and nobody waits for it (M. Nygard, "Release It!").
///
/// Closed, it lets all pass and counts what became of them. When enough of the last ones failed it opens, and lets none pass for a
/// time. Then one may try, half open: if it succeeds the breaker closes, else it opens for twice as long.
///
/// A value: whoever shares it locks it. Times are nanoseconds by any clock that is not set back.
struct CircuitBreaker {
    /// When it opens, and for how long.
    struct Policy {
        /// Over how long attempts are counted.
        var window: Int64 = 10_000_000_000
        /// How many there must be to tell anything.
        var leastAttempts = 10
        /// The share of failures that is too many.
        var failureShare = 0.5
        /// How long it is open at first, and at most.
        var firstPause: Int64 = 1_000_000_000
        var longestPause: Int64 = 30_000_000_000
    }

    enum State: String, Sendable {
        case closed, open
        case halfOpen = "half_open"
    }

    /// Leave to make an attempt, of which ``record(_:succeeded:now:)`` is to be told.
    struct Permit: Sendable {
        fileprivate let era: Int
    }

    private let policy: Policy
    /// Counts changes of state: what became of attempts from before the last change is of no interest.
    private var era = 0
    private var pause: Int64 = 0
    /// Until when it is open; nil when closed.
    private var openUntil: Int64?
    private var isTrying = false
    private var slices: [Slice]

    /// What happened in a part of the window.
    private struct Slice {
        var number: Int64 = -1
        var succeeded = 0
        var failed = 0
    }

    private static let sliceCount = 10

    init(_ policy: Policy = Policy()) {
        self.policy = policy
        slices = Array(repeating: Slice(), count: Self.sliceCount)
    }

    func state(now: Int64) -> State {
        guard let openUntil else { return .closed }
        return isTrying || now >= openUntil ? .halfOpen : .open
    }

    /// Leave to make an attempt now; nil if there is none.
    mutating func permit(now: Int64) -> Permit? {
        guard let openUntil else { return Permit(era: era) }
        guard now >= openUntil, !isTrying else { return nil }
        isTrying = true
        era += 1
        return Permit(era: era)
    }

    /// Nanoseconds until it is worth asking again.
    func wait(now: Int64) -> Int64 { max(0, (openUntil ?? now) - now) }

    /// Notes what became of an attempt.
    mutating func record(_ permit: Permit, succeeded: Bool, now: Int64) {
        guard permit.era == era else { return }
        guard isTrying else { return count(succeeded, now) }
        isTrying = false
        era += 1
        if succeeded {
            openUntil = nil
            pause = 0
            slices = Array(repeating: Slice(), count: Self.sliceCount)
        } else {
            open(now)
        }
    }

    /// Notes that an attempt told nothing.
    mutating func abandon(_ permit: Permit) {
        guard permit.era == era, isTrying else { return }
        isTrying = false
        era += 1
    }

    private mutating func count(_ succeeded: Bool, _ now: Int64) {
        let number = now / (policy.window / Int64(Self.sliceCount))
        let place = Int(number % Int64(Self.sliceCount))
        if slices[place].number != number { slices[place] = Slice(number: number) }
        if succeeded { slices[place].succeeded += 1 } else { slices[place].failed += 1 }
        guard !succeeded else { return }
        let recent = slices.filter { $0.number > number - Int64(Self.sliceCount) }
        let failed = recent.reduce(0) { $0 + $1.failed }
        let all = recent.reduce(failed) { $0 + $1.succeeded }
        if all >= policy.leastAttempts, Double(failed) >= Double(all) * policy.failureShare { open(now) }
    }

    private mutating func open(_ now: Int64) {
        pause = pause == 0 ? policy.firstPause : min(pause * 2, policy.longestPause)
        openUntil = now + pause
        era += 1
    }
}
