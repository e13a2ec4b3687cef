/// Ghost caches of another size than the cache's, and how many more hits they have had than it.
///
/// One, if the policy is fixed; else one for each that may be chosen, and the hits are those of the one that would be.
struct GhostSize: ~Copyable {
    /// Hits less those of the cache, each as many as its key stands for.
    var gain = 0.0

    /// The first `count` are in use.
    private var caches: [4 of TimedGhostCache]
    private let count: Int
    private var contest: PolicyContest

    init(_ policy: EvictionPolicy, capacity: Int) {
        let rules = Self.rules(policy)
        count = rules.count
        caches = [4 of TimedGhostCache] { place in
            place < rules.count
                ? TimedGhostCache(rules[place], capacity: capacity) : TimedGhostCache(.lru, capacity: 1)
        }
        contest = PolicyContest(capacity: capacity)
    }

    static func footprint(_ policy: EvictionPolicy, capacity: Int) -> Int {
        rules(policy).reduce(0) { $0 + TimedGhostCache.footprint($1, capacity: capacity) }
    }

    private static func rules(_ policy: EvictionPolicy) -> [EvictionRules] {
        policy == .auto ? EvictionRules.candidates : [EvictionRules(policy)]
    }

    /// The cache had the key, in an entry with this expiry.
    mutating func hit(_ hash: UInt64, expiresAt: Int64, now: Int64, weight: Double) {
        var hits = PolicyContest.Hits(repeating: false)
        for place in 0..<count { hits[place] = caches[place].hit(hash, expiresAt: expiresAt, now: now) }
        if !isHit(hits) { gain -= weight }
    }

    /// The cache did not have the key.
    mutating func miss(_ hash: UInt64, now: Int64, weight: Double) {
        var hits = PolicyContest.Hits(repeating: false)
        for place in 0..<count { hits[place] = caches[place].miss(hash, now: now) }
        if isHit(hits) { gain += weight }
    }

    mutating func put(_ hash: UInt64, expiresAt: Int64) {
        for place in 0..<count { caches[place].put(hash, expiresAt: expiresAt) }
    }

    mutating func delete(_ hash: UInt64) {
        for place in 0..<count { caches[place].delete(hash) }
    }

    /// Whether the policy that governs hit.
    private mutating func isHit(_ hits: PolicyContest.Hits) -> Bool {
        guard count > 1 else { return hits[0] }
        let isHit = hits[contest.leader]
        contest.note(hits)
        return isHit
    }
}
