/// The pages of a shard's slab by the earliest expiry in them: a hierarchical timer wheel
/// (G. Varghese and T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987).
///
/// To keep every entry in the wheel would take eight bytes of each. Instead a page is in it, as often as something
/// in it expires: then its entries are looked at, one behind the other, and it comes back with the earliest expiry of those that
/// stay. Entries that are put at about the same time share pages, and most often expire at about the same time.
///
/// The wheel has five levels of 64 buckets. A bucket of the first level spans a tick of 2²⁷ ns (0.13 s), a bucket of
/// each further level all of the level below. A page goes into the lowest level that reaches its time, and moves
/// down as that comes nearer; it leaves the first level within a tick after its time. A page is
/// never looked at otherwise, so the cost follows what expires, not what is held.
///
/// Invariants:
/// - A bucket of level *l* holds pages of one tick *t* only: those due in (*t* · span, (*t* + 1) · span], with
///   `swept[l]` ≤ *t* < `swept[l]` + 64. (The top level also holds those that are due beyond its reach, in its last bucket.)
/// - Level 0 is swept up to the present tick, the others up to the tick after it, unless a budget ended.
/// - A page with an entry that expires is in exactly one bucket, named by its `timerBucket`, and due no later than the
///   entry expires; a bucket is a doubly linked list.
struct TimerWheel: ~Copyable {
    typealias PageIndex = Slab.PageIndex

    private static let levels = 5
    private static let bucketBits: Int64 = 6
    private static let bucketsPerLevel = 1 << bucketBits
    private static let tickBits: Int64 = 27

    /// How much time a bucket of the first level spans, in nanoseconds: how late an entry may go.
    static let tick: Int64 = 1 << tickBits

    /// What a page that is in no bucket has for one.
    static let noBucket: Int16 = -1

    /// Bytes that a wheel itself takes.
    static let footprint = levels * bucketsPerLevel * MemoryLayout<PageIndex>.stride

    private let slab: Slab
    private let buckets: UnsafeMutablePointer<PageIndex>
    private var swept: [5 of Int64] = .init(repeating: 0)
    /// For each level, a bit for each bucket that holds pages.
    private var occupied: [5 of UInt64] = .init(repeating: 0)

    init(now: Int64, slab: Slab) {
        self.slab = slab
        buckets = .allocate(capacity: Self.levels * Self.bucketsPerLevel)
        buckets.initialize(repeating: 0, count: Self.levels * Self.bucketsPerLevel)
        for level in 0..<Self.levels { swept[level] = Self.target(level, now) }
    }

    deinit { buckets.deallocate() }

    /// Sees to it that a page is looked at when an entry in it expires.
    @inline(__always)
    mutating func note(expiry: Int64, of index: PageIndex) {
        guard expiry < slab.page(index).pointee.due else { return }
        cancel(index)
        schedule(index, at: expiry)
    }

    /// Takes a page out, if it is in the wheel.
    mutating func cancel(_ index: PageIndex) {
        let page = slab.page(index)
        page.pointee.due = .max
        guard page.pointee.timerBucket != Self.noBucket else { return }
        let bucket = Int(page.pointee.timerBucket)
        let (next, previous) = (page.pointee.timerNext, page.pointee.timerPrevious)
        if previous != 0 {
            slab.page(previous).pointee.timerNext = next
        } else {
            buckets[bucket] = next
            if next == 0 { occupied[bucket / Self.bucketsPerLevel] &= ~Self.bit(bucket) }
        }
        if next != 0 { slab.page(next).pointee.timerPrevious = previous }
        page.pointee.timerNext = 0
        page.pointee.timerPrevious = 0
        page.pointee.timerBucket = Self.noBucket
    }

    /// Brings the wheel towards `now`, up to the next page that is due.
    ///
    /// - Parameters:
    ///   - now: The time; never less than at an earlier call.
    ///   - budget: How many pages to touch at most; what was touched is taken off.
    /// - Returns: A page that is due, which is no longer in the wheel; nil if none is or the budget has ended.
    mutating func next(at now: Int64, budget: inout Int) -> PageIndex? {
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
                while buckets[bucket] != 0 {
                    guard budget > 0 else { return nil }
                    budget -= 1
                    let index = buckets[bucket]
                    let due = slab.page(index).pointee.due
                    cancel(index)
                    if due <= Self.expired(at: now) { return index }
                    schedule(index, at: due)
                }
                swept[level] += 1
                visited += 1
            }
        }
        return nil
    }

    /// The time up to which entries have expired that are to go at `now`: the beginning of its tick.
    static func expired(at now: Int64) -> Int64 { (now >> tickBits) << tickBits }

    /// The time at which ``next(at:budget:)`` has a page to touch next; `Int64.max` if there is none.
    ///
    /// - Complexity: O(1).
    var nextDue: Int64 {
        var next = Int64.max
        for level in 0..<Self.levels where occupied[level] != 0 {
            // The first occupied bucket from the one that is to be swept next, all round.
            let first = Int(truncatingIfNeeded: swept[level] & Int64(Self.bucketsPerLevel - 1))
            let turned = occupied[level] >> UInt64(first) | occupied[level] << UInt64(Self.bucketsPerLevel - first)
            let tick = swept[level] + Int64(turned.trailingZeroBitCount)
            // On the first level when the tick is over, above when it begins.
            let (time, overflow) = (level == 0 ? tick + 1 : tick).multipliedReportingOverflow(by: Self.span(level))
            if !overflow { next = min(next, time) }
        }
        return next
    }

    /// Puts in a page that is not in the wheel.
    private mutating func schedule(_ index: PageIndex, at due: Int64) {
        slab.page(index).pointee.due = due
        for level in 0..<Self.levels {
            let tick = Self.tick(level, ofExpiry: due)
            let isTop = level == Self.levels - 1
            if tick - swept[level] < Self.bucketsPerLevel || isTop {
                let reachable = min(max(tick, swept[level]), swept[level] + Int64(Self.bucketsPerLevel - 1))
                return link(index, to: bucket(level, reachable))
            }
        }
    }

    private mutating func link(_ index: PageIndex, to bucket: Int) {
        let page = slab.page(index)
        page.pointee.timerNext = buckets[bucket]
        page.pointee.timerBucket = Int16(bucket)
        if buckets[bucket] != 0 { slab.page(buckets[bucket]).pointee.timerPrevious = index }
        buckets[bucket] = index
        occupied[bucket / Self.bucketsPerLevel] |= Self.bit(bucket)
    }

    /// A bucket's bit among those of its level.
    private static func bit(_ bucket: Int) -> UInt64 { 1 << UInt64(bucket % bucketsPerLevel) }

    /// How much time a bucket of a level spans, in nanoseconds.
    private static func span(_ level: Int) -> Int64 { 1 << (tickBits + Int64(level) * bucketBits) }

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
