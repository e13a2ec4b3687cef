internal import Synchronization
internal import Threading

/// Decides which policy governs a cache: ghost caches of all of them, on a sample of the keys, and the evidence of their hits
/// (the idea of C. Waldspurger, T. Saemundsson, I. Ahmad, N. Park, "Cache modeling and optimization using miniature
/// simulations", USENIX ATC 2017).
///
/// The lock is the innermost: whoever holds it takes no other.
final class PolicySelector: Sendable {
    /// The rules that are to govern. May be read without a lock.
    var rules: EvictionRules { EvictionRules(rawValue: governing.load(ordering: .relaxed)) ?? EvictionRules(.auto) }

    /// The window's share of entries that W-TinyLFU's ghost has found. May be read without a lock.
    var windowShare: Double { Double(bitPattern: windowShareBits.load(ordering: .relaxed)) }

    private let windowShareBits = Atomic<UInt64>(AdaptiveWindow().share.bitPattern)
    private let governing = Atomic<Int>(EvictionRules(.auto).rawValue)
    private let evidence: Locked<Evidence>
    private let sample: KeySample

    /// Four of so many entries take 256 KiB.
    private static let mostGhosts = 2048
    /// The part of the memory limit that the ghost caches may take is one in so many.
    private static let shareOfMemory = 64

    /// Bytes that it takes.
    let footprint: Int

    /// - Parameters:
    ///   - capacity: How many entries the cache holds, all shards together; nil if only its memory is bounded:
    ///     ``fit(to:)`` tells then, once it is full.
    ///   - memoryLimit: How many bytes the cache may take; of a small one, little is taken for ghosts.
    /// - Returns: nil if there is no bound, or so little memory may be taken that nothing could be learned.
    init?(capacity: Int?, memoryLimit: Int?) {
        let most = KeySample.size(
            atMost: Self.mostGhosts, capacity: capacity, memoryLimit: memoryLimit, share: Self.shareOfMemory
        ) { Evidence.footprint(capacity: $0) }
        guard let most else { return nil }
        footprint = Evidence.footprint(capacity: most)
        sample = KeySample(mostKeys: most, entries: capacity)
        evidence = Locked(Evidence(capacity: most))
    }

    /// Chooses the sample anew if the cache, being full, holds another number of entries than before.
    func fit(to entries: Int) {
        guard sample.isUnfit(for: entries) else { return }
        evidence.withLock { evidence in
            // Another may have done it meanwhile.
            guard sample.isUnfit(for: entries) else { return }
            let ghosts = sample.fit(to: entries)
            if evidence.capacity != ghosts { evidence = Evidence(capacity: ghosts) }
        }
    }

    /// Whether the sample was chosen for a cache that held far fewer entries.
    func isOutgrown(by entries: Int) -> Bool { sample.isOutgrown(by: entries) }

    /// Whether requests for the key with this hash are to be told to ``observe(_:)``.
    @inline(__always)
    func isSampled(_ hash: UInt64) -> Bool { sample.contains(hash) }

    /// Notes a request for a key of the sample.
    func observe(_ hash: UInt64) {
        evidence.withLock { evidence in
            let rules = evidence.observe(hash)
            if rules != self.rules { governing.store(rules.rawValue, ordering: .relaxed) }
            windowShareBits.store(evidence.windowShare.bitPattern, ordering: .relaxed)
        }
    }

    private struct Evidence: ~Copyable {
        // One for each of the candidates, in their order.
        private var ghosts: [4 of GhostCache]
        private var contest: PolicyContest
        let capacity: Int

        init(capacity: Int) {
            self.capacity = capacity
            contest = PolicyContest(capacity: capacity)
            ghosts = [4 of GhostCache] { GhostCache(EvictionRules.candidates[$0], capacity: capacity) }
        }

        /// Bytes that the ghost caches of so many entries each take.
        static func footprint(capacity: Int) -> Int {
            EvictionRules.candidates.reduce(0) { $0 + GhostCache.footprint($1, capacity: capacity) }
        }

        /// The share that W-TinyLFU's window has found.
        var windowShare: Double { ghosts[3].order.window.share }

        mutating func observe(_ hash: UInt64) -> EvictionRules {
            var hits = PolicyContest.Hits(repeating: false)
            for place in ghosts.indices { hits[place] = ghosts[place].request(hash) }
            contest.note(hits)
            return contest.rules
        }
    }
}
