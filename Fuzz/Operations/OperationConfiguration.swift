/// The configuration of a run, from the first bytes of an input.
struct OperationConfiguration: CustomStringConvertible {
    let capacity: Int?
    let memoryLimit: Int?
    let policy: EvictionPolicy
    let shardCount: Int
    let defaultLifetime: Int64?
    let ttlJitter: Int
    let spread: KeyHasher.Spread
    let deletesAtEnd: Bool

    init(_ input: inout OperationInput) {
        policy = input.element(of: [.lru, .auto, .s3FIFO, .sieve, .wTinyLFU])
        capacity = input.element(of: [nil, 1, 2, 3, 7, 14, 15, 30, 64, 100, 200, nil])
        let limits = [0, 64, 64, 65, 80, 128, 256, 512, 1024, 0]
        let limit = input.element(of: limits) * 1024
        memoryLimit = limit == 0 ? nil : limit
        shardCount = input.element(of: [1, 1, 2, 8])
        let lifetime = input.next()
        defaultLifetime = lifetime < 128 ? nil : OperationTimes.lifetime(lifetime)
        ttlJitter = input.element(of: [0, 0, 1, 50, 100])
        spread = input.element(of: [.even, .even, .even, .sixteen, .low, .high])
        deletesAtEnd = input.next() % 4 != 0
    }

    func cache(clock: ManualClock) throws(CacheError) -> ProductionCache {
        var configuration = CacheConfiguration(
            capacity: capacity, memoryLimit: memoryLimit, defaultTTL: defaultLifetime.map { .nanoseconds($0) },
            ttlJitter: ttlJitter, eviction: policy, clock: .manual(clock))
        configuration.shardCount = shardCount
        return try ProductionCache(configuration)
    }

    /// Whether there are leases, and entries of which more is known than their values.
    var usesNotes: Bool { spread.isDistinct }

    /// Whether anything may ever be evicted.
    var isBounded: Bool { capacity != nil || memoryLimit != nil }

    var description: String {
        func text(_ number: (some Any)?) -> String { number.map { "\($0)" } ?? "none" }
        return """
            capacity \(text(capacity)), memory limit \(text(memoryLimit)), \(policy.rawValue), shards \(shardCount), \
            default lifetime \(text(defaultLifetime)) ns, jitter \(ttlJitter) %, hashes \(spread)
            """
    }
}
