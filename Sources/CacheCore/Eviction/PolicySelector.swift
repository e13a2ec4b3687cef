internal import Synchronization
internal import Threading

/// Decides which policy governs a cache: ghost caches of all of them, on a sample of the keys, and the evidence of their hits
/// (the idea of C. Waldspurger, T. Saemundsson, I. Ahmad, N. Park, "Cache modeling and optimization using miniature
/// simulations", USENIX ATC 2017).
///
/// Hits count less the longer ago they were. A policy takes over when its lead over the one that governs is beyond what
/// chance could make of as many requests in which the two differ.
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
    /// Of 2³² hashes, how many are in the sample; 0 until it is known how many entries the cache holds.
    private let threshold: Atomic<UInt64>
    /// For how many entries of the cache the sample was chosen.
    private let basis: Atomic<Int>
    /// How many entries a ghost cache may have.
    private let mostGhosts: Int

    /// Four of so many entries take 256 KiB.
    private static let mostGhosts = 2048
    private static let fewestGhosts = 64

    /// Bytes that it takes.
    let footprint: Int

    /// - Parameters:
    ///   - capacity: How many entries the cache holds, all shards together; nil if only its memory is bounded:
    ///     ``fit(to:)`` tells then, once it is full.
    ///   - memoryLimit: How many bytes the cache may take; of a small one, little is taken for ghosts.
    /// - Returns: nil if so little memory may be taken that nothing could be learned.
    init?(capacity: Int?, memoryLimit: Int?) {
        let budget = (memoryLimit ?? .max) / 64
        var most = min(Self.mostGhosts, capacity ?? .max)
        while most > Self.fewestGhosts, Evidence.footprint(capacity: most) > budget { most /= 2 }
        guard Evidence.footprint(capacity: most) <= budget else { return nil }
        mostGhosts = most
        footprint = Evidence.footprint(capacity: most)
        let ghosts = mostGhosts
        threshold = Atomic(capacity.map { Self.threshold(ghosts: ghosts, entries: $0) } ?? 0)
        basis = Atomic(capacity ?? 0)
        evidence = Locked(Evidence(capacity: ghosts))
    }

    /// Chooses the sample anew if the cache, being full, holds another number of entries than before by a quarter or more.
    func fit(to entries: Int) {
        let before = basis.load(ordering: .relaxed)
        guard entries > 0, entries > before + before / 4 || entries < before - before / 4 else { return }
        let ghosts = min(mostGhosts, entries)
        evidence.withLock { evidence in
            basis.store(entries, ordering: .relaxed)
            threshold.store(Self.threshold(ghosts: ghosts, entries: entries), ordering: .relaxed)
            if evidence.capacity != ghosts { evidence = Evidence(capacity: ghosts) }
        }
    }

    private static func threshold(ghosts: Int, entries: Int) -> UInt64 {
        ghosts >= entries ? 1 << 32 : UInt64((Double(ghosts) / Double(entries) * 0x1p32).rounded())
    }

    /// Whether requests for the key with this hash are to be told to ``observe(_:)``.
    @inline(__always)
    func isSampled(_ hash: UInt64) -> Bool { mixed(hash, salt: Self.salt) >> 32 < threshold.load(ordering: .relaxed) }

    private static let salt: UInt64 = 0xD6E8_FEB8_6659_FD93

    /// Notes a request for a key of the sample.
    func observe(_ hash: UInt64) {
        evidence.withLock { evidence in
            if let rules = evidence.observe(hash, governing: rules) {
                governing.store(rules.rawValue, ordering: .relaxed)
            }
            windowShareBits.store(evidence.windowShare.bitPattern, ordering: .relaxed)
        }
    }

    private struct Evidence: ~Copyable {
        // One for each of the candidates, in their order.
        private var wideWindow: GhostCache
        private var sieve: GhostCache
        private var s3FIFO: GhostCache
        private var wTinyLFU: GhostCache

        /// Hits of each candidate, each counting less with every later request.
        private var hits = [Double](repeating: 0, count: EvictionRules.candidates.count)
        /// In how many requests two candidates differed, by their places, likewise.
        private var differences = [Double](
            repeating: 0, count: EvictionRules.candidates.count * EvictionRules.candidates.count)
        private var seen = 0
        let capacity: Int
        private let decay: Double

        /// After how many requests an entry a hit counts 1/e.
        private static let memory = 8.0
        /// How many standard deviations a lead must have.
        private static let significance = 3.0

        init(capacity: Int) {
            self.capacity = capacity
            decay = 1 - 1 / (Self.memory * Double(capacity))
            wideWindow = GhostCache(.wideWindow, capacity: capacity)
            sieve = GhostCache(.sieve, capacity: capacity)
            s3FIFO = GhostCache(.s3FIFO, capacity: capacity)
            wTinyLFU = GhostCache(.wTinyLFU, capacity: capacity)
        }

        /// Bytes that the ghost caches of so many entries each take.
        static func footprint(capacity: Int) -> Int {
            EvictionRules.candidates.reduce(0) { $0 + GhostCache.footprint($1, capacity: capacity) }
        }

        var windowShare: Double { wTinyLFU.order.window.share }

        /// - Returns: The rules that are to govern from now on, if they are to change.
        mutating func observe(_ hash: UInt64, governing: EvictionRules) -> EvictionRules? {
            let found = (
                wideWindow.request(hash), sieve.request(hash), s3FIFO.request(hash), wTinyLFU.request(hash)
            )
            let isHit: [4 of Double] = [
                found.0 ? 1 : 0, found.1 ? 1 : 0, found.2 ? 1 : 0, found.3 ? 1 : 0,
            ]
            seen += 1
            for place in hits.indices { hits[place] = hits[place] * decay + isHit[place] }
            for one in hits.indices {
                for other in 0..<one {
                    let place = one * hits.count + other
                    differences[place] = differences[place] * decay + (isHit[one] == isHit[other] ? 0 : 1)
                }
            }
            guard seen >= capacity else { return nil }
            let present = EvictionRules.candidates.firstIndex(of: governing) ?? 0
            var best = present
            for place in hits.indices where hits[place] > hits[best] { best = place }
            guard best != present else { return nil }
            let lead = hits[best] - hits[present]
            let differing = differences[max(best, present) * hits.count + min(best, present)]
            guard lead > Self.significance * differing.squareRoot() else { return nil }
            return EvictionRules.candidates[best]
        }
    }
}
