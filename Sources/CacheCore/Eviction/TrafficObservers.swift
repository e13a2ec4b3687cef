/// What learns from the traffic, each from a sample of the keys.
struct TrafficObservers: Sendable {
    /// What chooses the policy; nil if that is fixed.
    let selector: PolicySelector?
    /// What estimates the hit rate at other capacities; nil if the cache is unbounded, or too small for it.
    let forecast: HitRateForecast?
    private let clock: CacheClock
    private let isBoundByMemory: Bool

    init(_ configuration: CacheConfiguration) {
        clock = configuration.clock
        isBoundByMemory = configuration.memoryLimit != nil
        let capacity = configuration.capacity
        let memoryLimit = configuration.memoryLimit
        selector =
            configuration.eviction == .auto ? PolicySelector(capacity: capacity, memoryLimit: memoryLimit) : nil
        forecast = HitRateForecast(
            capacity: capacity, memoryLimit: memoryLimit, policy: configuration.eviction)
    }

    /// Bytes that they take.
    var footprint: Int { (selector?.footprint ?? 0) + (forecast?.footprint ?? 0) }

    /// A get found the entry with this key.
    @inline(__always)
    func hit(_ hash: UInt64, _ entry: Entry) {
        if let selector, selector.isSampled(hash) { selector.observe(hash) }
        if isForecast(hash) { forecast?.hit(hash, expiresAt: entry.expiresAt, now: clock.now()) }
    }

    /// Whether the key is in the sample of the forecast, which alone is told of misses.
    @inline(__always)
    func isForecast(_ hash: UInt64) -> Bool { forecast?.sample.contains(hash) ?? false }

    /// Whether any of them is to be told of hits on the key.
    @inline(__always)
    func isObserved(_ hash: UInt64) -> Bool { isForecast(hash) || selector?.isSampled(hash) ?? false }

    /// A get found no live entry of a key that ``isForecast(_:)``. The selector learns of it from the put that follows.
    func miss(_ hash: UInt64) { forecast?.miss(hash, now: clock.now()) }

    @inline(__always)
    func put(_ entry: PreparedEntry) {
        if let selector, selector.isSampled(entry.hash) { selector.observe(entry.hash) }
        if isForecast(entry.hash) { forecast?.put(entry.hash, expiresAt: entry.expiresAt) }
    }

    /// The entry with this key was used, and given another expiry.
    func touch(_ hash: UInt64, _ entry: Entry) {
        if let selector, selector.isSampled(hash) { selector.observe(hash) }
        if isForecast(hash) { forecast?.put(hash, expiresAt: entry.expiresAt) }
    }

    /// The key was deleted, whether it was there or not: a larger cache might have had it.
    @inline(__always)
    func delete(_ hash: UInt64) {
        if isForecast(hash) { forecast?.delete(hash) }
    }

    /// The cache is full with so many entries. What entries alone bound is known to hold its capacity.
    func fit(to entries: Int) {
        guard isBoundByMemory else { return }
        selector?.fit(to: entries)
        forecast?.fit(to: entries)
    }

    /// The cache holds so many entries, and may hold more: few large ones, for which the samples may have been chosen, have made room.
    func outgrow(_ entries: Int) {
        guard isBoundByMemory else { return }
        if selector?.isOutgrown(by: entries) == true { selector?.fit(to: entries) }
        if forecast?.sample.isOutgrown(by: entries) == true { forecast?.fit(to: entries) }
    }
}
