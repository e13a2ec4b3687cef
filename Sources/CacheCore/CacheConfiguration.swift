#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// What a ``ProductionCache`` is made from: its bounds, its defaults, its clock.
///
/// ```swift
/// var configuration = CacheConfiguration(capacity: 10_000)
/// configuration.defaultTTL = .seconds(300)
/// let cache = try ProductionCache(configuration)
/// ```
public struct CacheConfiguration: Sendable {
    /// The most entries that the cache holds; nil for no bound. At least 1.
    public var capacity: Int?

    /// The most bytes that entries may take: keys, values, the cache's own bookkeeping, and what is left over of the pages that
    /// they are in; nil for no bound. At least ``minimumMemoryLimit``.
    public var memoryLimit: Int?

    /// How long an entry lives that is put without a time to live; nil for no end. More than zero, at most
    /// ``maximumTTL``.
    public var defaultTTL: Duration?

    /// By how many percent of their time to live, at most, entries of a bulk load live shorter: 0 to 100. What is put at the same time with
    /// the same time to live then does not expire at the same time. How much it is follows from the key. It holds for
    /// ``ProductionCache/mput(_:ttl:)`` and warming; an expiry that a source names as a time of day is kept to.
    public var ttlJitter: Int

    /// Which entry goes when room is needed. ``EvictionPolicy/auto`` hits about as often as the best of the others, whatever
    /// the traffic; ``EvictionPolicy/lru`` is the one whose choice can be told beforehand.
    public var eviction: EvictionPolicy

    /// Where the time comes from. With a manual clock, no thread works in the background: call
    /// ``ProductionCache/maintain()`` to let expired entries go.
    public var clock: CacheClock

    /// Turns values into JSON. Its strategies for dates and data must match the decoder's.
    public var encoder: JSONEncoder

    /// Turns JSON into values.
    public var decoder: JSONDecoder

    /// How many parts the cache is divided into, each behind a lock of its own; nil to choose by bounds and processors.
    package var shardCount: Int?

    /// The longest time to live: ten years of 365 days.
    public static let maximumTTL = Duration.seconds(315_360_000)

    /// The smallest ``memoryLimit``.
    public static let minimumMemoryLimit = 64 * 1024

    public init(
        capacity: Int? = nil, memoryLimit: Int? = nil, defaultTTL: Duration? = nil, ttlJitter: Int = 0,
        eviction: EvictionPolicy = .auto, clock: CacheClock = .monotonic, encoder: JSONEncoder = JSONEncoder(),
        decoder: JSONDecoder = JSONDecoder()
    ) {
        self.capacity = capacity
        self.memoryLimit = memoryLimit
        self.defaultTTL = defaultTTL
        self.ttlJitter = ttlJitter
        self.eviction = eviction
        self.clock = clock
        self.encoder = encoder
        self.decoder = decoder
    }

    func validate() throws(CacheError) {
        if let capacity, capacity < 1 || capacity > Self.maximumCapacity {
            throw CacheError(
                .invalidConfiguration,
                "capacity is \(capacity); it must be from 1 to \(Self.maximumCapacity), or nil for no bound")
        }
        if let memoryLimit, memoryLimit < Self.minimumMemoryLimit {
            throw CacheError(
                .invalidConfiguration,
                "memoryLimit is \(memoryLimit) bytes; it must be at least \(Self.minimumMemoryLimit), or nil for no bound"
            )
        }
        if let shardCount, shardCount < 1 || shardCount > ShardedStore.maximumShardCount || !shardCount.isPowerOfTwo {
            throw CacheError(
                .invalidConfiguration,
                "shardCount is \(shardCount); it must be a power of two up to \(ShardedStore.maximumShardCount)")
        }
        guard Self.ttlJitters.contains(ttlJitter) else {
            throw CacheError(
                .invalidConfiguration, "ttlJitter is \(ttlJitter); it must be a percentage from 0 to 100")
        }
        if let defaultTTL { _ = try TimeToLive.nanoseconds(defaultTTL) }
    }

    /// What ``ttlJitter`` may be.
    package static let ttlJitters = 0...100

    /// The largest ``capacity``.
    package static let maximumCapacity = 1 << 40
}

/// The bounds on a time to live, in one place.
package enum TimeToLive {
    /// `ttl` in nanoseconds, at least 1.
    ///
    /// - Throws: ``CacheError/Code/invalidTTL`` unless 0 < `ttl` ≤ ``CacheConfiguration/maximumTTL``.
    package static func nanoseconds(_ ttl: Duration) throws(CacheError) -> Int64 {
        guard ttl > .zero, ttl <= CacheConfiguration.maximumTTL else {
            throw CacheError(
                .invalidTTL,
                "the time to live is \(ttl); it must be more than 0 and at most "
                    + "\(CacheConfiguration.maximumTTL.components.seconds) seconds")
        }
        return max(1, ttl.nanoseconds)
    }

    /// `seconds` in nanoseconds, at least 1; nil unless it is more than 0 and at most ``CacheConfiguration/maximumTTL``.
    package static func nanoseconds(seconds: Double) -> Int64? {
        guard seconds > 0, seconds <= Double(CacheConfiguration.maximumTTL.components.seconds) else { return nil }
        return max(1, Int64(seconds * 1e9))
    }
}

extension Int {
    var isPowerOfTwo: Bool { self > 0 && self & (self - 1) == 0 }
}
