internal import Synchronization

/// Which keys stand for all, so that a small ghost cache shows how a large cache would do: those whose mixed hashes are
/// below a threshold (C. Waldspurger, N. Park, A. Garthwaite, I. Ahmad, "Efficient MRC construction with SHARDS", FAST 2015).
///
/// May be read without a lock; who changes it holds one.
struct KeySample: ~Copyable {
    /// Of 2³² hashes, how many are in the sample; 0 until it is known how many entries the cache holds.
    private let threshold: Atomic<UInt64>
    /// For how many entries of the cache the sample was chosen.
    private let basis: Atomic<Int>
    /// How many of the entries that the cache holds are in the sample, at most.
    let mostKeys: Int

    /// How many keys a sample may have, to be followed by ghost caches of which so many take ``footprint`` bytes.
    ///
    /// - Parameters:
    ///   - most: How many there are to be at most.
    ///   - share: The part of the memory limit that they may take is one in so many.
    /// - Returns: nil if nothing bounds the cache, or so little memory may be taken that nothing could be learned.
    static func size(
        atMost most: Int, capacity: Int?, memoryLimit: Int?, share: Int, footprint: (Int) -> Int
    ) -> Int? {
        guard capacity != nil || memoryLimit != nil else { return nil }
        let budget = (memoryLimit ?? .max) / share
        var keys = min(most, capacity ?? .max)
        while keys > fewest, footprint(keys) > budget { keys /= 2 }
        return footprint(keys) <= budget ? keys : nil
    }

    /// Fewer keys tell little.
    static let fewest = 64

    private static let salt: UInt64 = 0xD6E8_FEB8_6659_FD93

    /// - Parameter entries: How many entries the cache holds when it is full; nil if that is not known yet.
    init(mostKeys: Int, entries: Int?) {
        self.mostKeys = mostKeys
        threshold = Atomic(entries.map { Self.threshold(keys: mostKeys, entries: $0) } ?? 0)
        basis = Atomic(entries ?? 0)
    }

    @inline(__always)
    func contains(_ hash: UInt64) -> Bool { mixed(hash, salt: Self.salt) >> 32 < threshold.load(ordering: .relaxed) }

    /// The share of all keys that is in the sample.
    var rate: Double { Double(threshold.load(ordering: .relaxed)) / 0x1p32 }

    /// Whether the sample should be chosen anew for a cache that, being full, holds so many entries: if it held another
    /// number before, by a quarter or more.
    func isUnfit(for entries: Int) -> Bool {
        let before = basis.load(ordering: .relaxed)
        return entries > 0 && (entries > before + before / 4 || entries < before - before / 4)
    }

    /// Whether it was chosen for a cache that held far fewer entries.
    func isOutgrown(by entries: Int) -> Bool {
        let before = basis.load(ordering: .relaxed)
        return before > 0 && entries > before + before / 4
    }

    /// Chooses the sample anew.
    ///
    /// - Returns: How many of the entries are in the sample.
    func fit(to entries: Int) -> Int {
        let keys = min(mostKeys, entries)
        basis.store(entries, ordering: .relaxed)
        threshold.store(Self.threshold(keys: keys, entries: entries), ordering: .relaxed)
        return keys
    }

    private static func threshold(keys: Int, entries: Int) -> UInt64 {
        keys >= entries ? 1 << 32 : max(1, UInt64((Double(keys) / Double(entries) * 0x1p32).rounded()))
    }
}
