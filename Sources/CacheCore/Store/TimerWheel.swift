/// A shard's entries by their expiry: a hierarchical timer wheel
/// (G. Varghese and T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987).
///
/// The wheel has five levels of 64 buckets. A bucket of the first level spans a tick of 2²⁷ ns (0.13 s), a bucket of
/// each further level all of the level below. An entry goes into the lowest level that reaches its expiry, and moves
/// down as the time comes nearer; it leaves the first level within a tick after it expired. An entry is
/// never visited otherwise, so the cost follows what expires, not what is held.
///
/// Invariants:
/// - A bucket of level *l* holds entries of one tick *t* only: those that expire in (*t* · span, (*t* + 1) · span], with
///   `swept[l]` ≤ *t* < `swept[l]` + 64. (The top level also holds those that expire beyond its reach, in its last bucket.)
/// - Level 0 is swept up to the present tick, the others up to the tick after it, unless a budget ended.
/// - An entry with an expiry is in exactly one bucket, named by its `timerBucket`, from `schedule` to `cancel` or to its
///   expiry; a bucket is a doubly linked list.
struct TimerWheel: ~Copyable {
    private static let levels = 5
    private static let bucketBits: Int64 = 6
    private static let bucketsPerLevel = 1 << bucketBits
    private static let tickBits: Int64 = 27

    /// How much time a bucket of the first level spans, in nanoseconds: how late an entry may go.
    static let tick: Int64 = 1 << tickBits

    /// What an entry that is in no bucket has for one.
    static let noBucket = -1

    /// Bytes that a wheel itself takes.
    static let footprint = levels * bucketsPerLevel * MemoryLayout<Entry?>.stride

    private let buckets: UnsafeMutablePointer<Entry?>
    private let swept: UnsafeMutablePointer<Int64>

    init(now: Int64) {
        buckets = .allocate(capacity: Self.levels * Self.bucketsPerLevel)
        buckets.initialize(repeating: nil, count: Self.levels * Self.bucketsPerLevel)
        swept = .allocate(capacity: Self.levels)
        for level in 0..<Self.levels { (swept + level).initialize(to: Self.target(level, now)) }
    }

    deinit {
        buckets.deallocate()
        swept.deallocate()
    }

    /// Puts in an entry that is not in the wheel; one without an expiry is passed over.
    mutating func schedule(_ entry: Entry) {
        guard entry.expiresAt != Entry.never else { return }
        for level in 0..<Self.levels {
            let tick = Self.tick(level, ofExpiry: entry.expiresAt)
            let isTop = level == Self.levels - 1
            if tick - swept[level] < Self.bucketsPerLevel || isTop {
                let reachable = min(max(tick, swept[level]), swept[level] + Int64(Self.bucketsPerLevel - 1))
                return link(entry, to: bucket(level, reachable))
            }
        }
    }

    /// Takes out an entry, if it is in the wheel.
    mutating func cancel(_ entry: Entry) {
        guard entry.timerBucket != Self.noBucket else { return }
        if let previous = entry.timerPrevious {
            previous.timerNext = entry.timerNext
        } else {
            buckets[entry.timerBucket] = entry.timerNext
        }
        entry.timerNext?.timerPrevious = entry.timerPrevious
        entry.timerNext = nil
        entry.timerPrevious = nil
        entry.timerBucket = Self.noBucket
    }

    /// Brings the wheel to `now` and hands out what expired meanwhile.
    ///
    /// - Parameters:
    ///   - now: The time; never less than at an earlier call.
    ///   - budget: How many entries to touch at most.
    ///   - expire: Told each expired entry, which is no longer in the wheel then.
    /// - Returns: False if the budget ended first: call again to go on.
    mutating func advance(to now: Int64, budget: Int, _ expire: (Entry) -> Void) -> Bool {
        var budget = budget
        // From the lowest level up: what moves down then finds the levels below at the present.
        for level in 0..<Self.levels {
            let target = Self.target(level, now)
            var visited = 0
            while swept[level] < target {
                // After one round every bucket is empty: the rest of a long pause is skipped. Not so on the top level, where
                // what lies beyond its reach goes back into the last bucket; it has few ticks in all the time there is.
                if visited == Self.bucketsPerLevel, level < Self.levels - 1 {
                    swept[level] = target
                    break
                }
                let bucket = bucket(level, swept[level])
                while let entry = buckets[bucket] {
                    guard budget > 0 else { return false }
                    budget -= 1
                    cancel(entry)
                    if entry.expiresAt <= now { expire(entry) } else { schedule(entry) }
                }
                swept[level] += 1
                visited += 1
            }
        }
        return true
    }

    /// True if ``advance(to:budget:_:)`` would have something to do at `now`.
    func isDue(at now: Int64) -> Bool {
        (0..<Self.levels).contains { swept[$0] < Self.target($0, now) }
    }

    private func link(_ entry: Entry, to bucket: Int) {
        entry.timerNext = buckets[bucket]
        entry.timerNext?.timerPrevious = entry
        entry.timerBucket = bucket
        buckets[bucket] = entry
    }

    private func bucket(_ level: Int, _ tick: Int64) -> Int {
        level * Self.bucketsPerLevel + Int(tick & Int64(Self.bucketsPerLevel - 1))
    }

    /// The tick in whose bucket an expiry belongs. A tick includes its end, so that an entry that expires just then is due.
    private static func tick(_ level: Int, ofExpiry expiry: Int64) -> Int64 {
        (expiry - 1) >> (tickBits + Int64(level) * bucketBits)
    }

    /// The tick up to which a level is swept at `now`: on the first level what is past, above also what has begun.
    private static func target(_ level: Int, _ now: Int64) -> Int64 {
        (now >> (tickBits + Int64(level) * bucketBits)) + (level == 0 ? 0 : 1)
    }
}
