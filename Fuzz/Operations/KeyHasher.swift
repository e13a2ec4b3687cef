internal import CXXHash

/// Stands in for the cache's hasher of keys: it is the same in every process, so that an input does every time what it did
/// once, and it lets hashes collide if it is told to.
struct KeyHasher {
    /// What hashes are like.
    enum Spread: CaseIterable {
        case even
        /// One of sixteen, so that many keys share one: of the cache's own, all bits of two are as good as never the same, and what is
        /// known of some entries alone, and leases, go by that (``isDistinct``).
        case sixteen
        /// They differ only in bits that a table does not keep.
        case low
        /// All are at the end of the last table, whose places behind the last home they fill.
        case high

        /// Whether no two keys share one.
        var isDistinct: Bool { self != .sixteen }
    }

    // libFuzzer calls from one thread.
    nonisolated(unsafe) static var spread = Spread.even

    func hash(_ key: UnsafeRawBufferPointer) -> UInt64 {
        let hash = xxh3_hash(key.baseAddress, key.count)
        return switch Self.spread {
        case .even: hash
        case .sixteen: hash & 0xF000_0000_0000_0000
        case .low: hash & 0xFF_FFFF
        case .high: hash | 0xFFFF_FFF0_0000_0000
        }
    }

    var identity: UInt32 { 1 }
}
