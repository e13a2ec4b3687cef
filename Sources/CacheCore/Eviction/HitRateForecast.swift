internal import Synchronization
internal import Threading

/// How often the cache would hit if it were smaller or larger: ghost caches of other sizes, under the policy in force, on a
/// sample of the keys (SHARDS, see ``KeySample``; for policies other than LRU, the miniature simulations of
/// C. Waldspurger, T. Saemundsson, I. Ahmad, N. Park, USENIX ATC 2017).
///
/// What a ghost cache tells is how much more or less often it hits than the cache itself did on the same requests: what both
/// hit or both miss, popular keys above all, says nothing about size, and so whether such a key is in the sample by chance hardly matters.
///
/// A get that misses is taken for one that a put of the key follows, unless the ghost cache hits: then its client would have
/// had the value.
///
/// The lock is innermost: whoever holds it takes no other.
final class HitRateForecast: Sendable {
    let sample: KeySample
    /// Bytes that it takes.
    let footprint: Int

    private let state: Locked<State>

    /// Whether ``begin(_:)`` is to be called: the ghost caches are full enough, since the sample was chosen.
    var isReady: Bool { readiness.load(ordering: .relaxed) }
    private let readiness = Atomic<Bool>(false)

    /// The part of the memory limit that the ghost caches may take is one in so many.
    private static let shareOfMemory = 128

    /// - Returns: nil if there is no bound, or so little memory may be taken that nothing could be learned.
    init?(capacity: Int?, memoryLimit: Int?, policy: EvictionPolicy) {
        let most = KeySample.size(
            atMost: Self.mostKeys(policy, capacity: capacity), capacity: capacity, memoryLimit: memoryLimit,
            share: Self.shareOfMemory
        ) { State.footprint(policy, keys: $0) }
        guard let most else { return nil }
        footprint = State.footprint(policy, keys: most)
        sample = KeySample(mostKeys: most, entries: capacity)
        state = Locked(State(policy, keys: most))
        // Where a capacity is known, an empty cache hits as the ghost caches do from the first request on; unless it turns out that
        // less fits into its memory.
        if capacity != nil { state.withLock { $0.begin(hits: 0, requests: 0) } }
    }

    /// How many keys of the cache are in the sample at most: the ghost caches of so many take half a MiB. Where the policy is chosen
    /// there are four times as many of them, which are to cost a request no more.
    private static func mostKeys(_ policy: EvictionPolicy, capacity: Int?) -> Int {
        policy == .auto ? min(512, max(KeySample.fewest, (capacity ?? .max) / 4)) : 2048
    }

    /// Chooses the sample anew if the cache, being full, holds another number of entries than before.
    func fit(to entries: Int) {
        guard sample.isUnfit(for: entries) else { return }
        state.withLock { state in
            // Another may have done it meanwhile.
            guard sample.isUnfit(for: entries) else { return }
            state = State(state.policy, keys: sample.fit(to: entries))
        }
    }

    // MARK: What happens, to keys of the sample

    /// The cache had the key, in an entry with this expiry.
    func hit(_ hash: UInt64, expiresAt: Int64, now: Int64) {
        update { $0.hit(hash, expiresAt: expiresAt, now: now, weight: 1 / sample.rate) }
    }

    /// The cache did not have the key.
    func miss(_ hash: UInt64, now: Int64) {
        update { $0.miss(hash, now: now, weight: 1 / sample.rate) }
    }

    /// The key was put.
    func put(_ hash: UInt64, expiresAt: Int64) {
        update { $0.put(hash, expiresAt: expiresAt) }
    }

    /// The key was deleted.
    func delete(_ hash: UInt64) {
        state.withLock { $0.delete(hash) }
    }

    @inline(__always)
    private func update(_ body: (inout State) -> Void) {
        state.withLock { state in
            body(&state)
            if state.isWarm, !isReady { readiness.store(true, ordering: .relaxed) }
        }
    }

    // MARK: Figures

    /// Begins with the figures, at what the cache's counters are now.
    ///
    /// - Parameter counters: Hits and requests. Read under the lock, so that they are not set to zero meanwhile.
    func begin(_ counters: () -> (hits: Int, requests: Int)) {
        readiness.store(false, ordering: .relaxed)
        state.withLock { state in
            // The sample may have been chosen anew meanwhile.
            guard state.isWarm else { return }
            let (hits, requests) = counters()
            state.begin(hits: hits, requests: requests)
        }
    }

    /// Begins with the figures anew, as `reset` sets the cache's counters to zero.
    func reset(_ reset: () -> Void) {
        state.withLock { state in
            reset()
            if state.isCounting { state.begin(hits: 0, requests: 0) }
        }
    }

    /// What the hit rates would be since the figures began, given the cache's counters.
    func estimates(hits: Int, requests: Int) -> [HitRateEstimate] {
        state.withLock { $0.estimates(hits: hits, requests: requests) }
    }

    // MARK: State

    private struct State: ~Copyable {
        private var sizes: [3 of GhostSize]
        let policy: EvictionPolicy
        private let keys: Int
        private var requests = 0
        /// What the cache's counters were when the figures began; nil if they have not.
        private var base: (hits: Int, requests: Int)?

        init(_ policy: EvictionPolicy, keys: Int) {
            self.policy = policy
            self.keys = keys
            sizes = [3 of GhostSize] { place in
                GhostSize(policy, capacity: Self.capacity(HitRateEstimate.factors[place], keys))
            }
        }

        static func footprint(_ policy: EvictionPolicy, keys: Int) -> Int {
            HitRateEstimate.factors.reduce(0) {
                $0 + GhostSize.footprint(policy, capacity: capacity($1, keys))
            }
        }

        private static func capacity(_ factor: Double, _ keys: Int) -> Int { max(1, Int(factor * Double(keys))) }

        var isCounting: Bool { base != nil }

        /// Whether the figures could begin: the largest ghost cache has had requests enough to be as full as it gets.
        var isWarm: Bool { base == nil && requests >= 8 * keys }

        mutating func begin(hits: Int, requests: Int) {
            base = (hits, requests)
            for size in sizes.indices { sizes[size].gain = 0 }
        }

        mutating func hit(_ hash: UInt64, expiresAt: Int64, now: Int64, weight: Double) {
            requests += 1
            for size in sizes.indices { sizes[size].hit(hash, expiresAt: expiresAt, now: now, weight: weight) }
        }

        mutating func miss(_ hash: UInt64, now: Int64, weight: Double) {
            requests += 1
            for size in sizes.indices { sizes[size].miss(hash, now: now, weight: weight) }
        }

        mutating func put(_ hash: UInt64, expiresAt: Int64) {
            for size in sizes.indices { sizes[size].put(hash, expiresAt: expiresAt) }
        }

        mutating func delete(_ hash: UInt64) {
            for size in sizes.indices { sizes[size].delete(hash) }
        }

        func estimates(hits: Int, requests: Int) -> [HitRateEstimate] {
            HitRateEstimate.factors.indices.map { place in
                let factor = HitRateEstimate.factors[place]
                guard let base, requests > base.requests else {
                    return HitRateEstimate(capacityFactor: factor, hitRate: nil)
                }
                let hits = Double(hits - base.hits) + sizes[place].gain
                let rate = hits * 100 / Double(requests - base.requests)
                return HitRateEstimate(capacityFactor: factor, hitRate: min(100, max(0, rate)))
            }
        }
    }
}
