@testable import CacheCore

/// What a cache must do, said as plainly as can be: a dictionary, a list in the order of the uses, a clock, counters.
///
/// Keys and values are numbers here; who runs it knows their texts. An expired entry is gone for everyone, but it is held,
/// and takes room, until someone comes upon it or the tick of the timer wheel is over in which it expired.
struct CacheModel {
    struct Value: Equatable {
        var number: Int
        /// How long the text is beyond the shortest.
        var padding: Int
    }

    struct Held {
        var value: Value
        var storedAt: Int64
        /// `Int64.max` if it does not expire.
        var expiresAt: Int64
        var tag: Int?
    }

    /// What the model knows of evictions.
    enum Evictions {
        /// Which entry goes: the one that was used longest ago.
        case exact
        /// Nothing: it is told of them, where a policy or the memory decides (``evict(_:)``).
        case told
    }

    let capacity: Int?
    private let evictions: Evictions
    private(set) var now: Int64 = 0
    private(set) var held: [Int: Held] = [:]
    /// The keys held, the oldest use first; kept if something may be evicted.
    private(set) var uses: [Int] = []
    /// For each key, how many operations there had been when it was last removed.
    private(set) var removals: [Int: Int] = [:]
    private(set) var operations = 0
    /// Who tells of evictions may have to tell what they did to these too.
    var stats: CacheStats

    private let keepsUses: Bool

    init(capacity: Int?, evictions: Evictions = .exact) {
        self.capacity = capacity
        self.evictions = evictions
        keepsUses = capacity != nil || evictions == .told
        stats = CacheStats(
            hits: 0, misses: 0, puts: 0, replacements: 0, deletes: 0, evictions: 0, expirations: 0, currentSize: 0,
            capacity: capacity, memoryBytes: 0, memoryLimit: nil)
    }

    /// The entry, if it is alive, without a use.
    func live(_ key: Int) -> Held? {
        guard let found = held[key], found.expiresAt > now else { return nil }
        return found
    }

    var liveKeys: [Int] { held.keys.filter { live($0) != nil } }

    mutating func get(_ key: Int) -> Held? {
        operations += 1
        guard let found = held[key] else {
            stats.misses += 1
            return nil
        }
        guard found.expiresAt > now else {
            remove(key)
            stats.misses += 1
            return nil
        }
        use(key)
        stats.hits += 1
        return found
    }

    /// - Returns: Whether no live entry had the key.
    mutating func put(_ key: Int, _ value: Value, lifetime: Int64?, tag: Int? = nil) -> Bool {
        operations += 1
        stats.puts += 1
        let entry = Held(value: value, storedAt: now, expiresAt: lifetime.map { now + $0 } ?? .max, tag: tag)
        if let old = held[key] {
            let wasAlive = old.expiresAt > now
            if wasAlive {
                stats.replacements += 1
            } else {
                stats.expirations += 1
                removals[key] = operations
            }
            held[key] = entry
            use(key)
            return !wasAlive
        }
        if evictions == .exact, let capacity, held.count == capacity { evict(uses[0]) }
        held[key] = entry
        if keepsUses { uses.append(key) }
        return true
    }

    /// - Returns: Whether there was a live one.
    mutating func delete(_ key: Int) -> Bool {
        operations += 1
        guard held[key] != nil else { return false }
        let wasAlive = live(key) != nil
        if wasAlive { stats.deletes += 1 }
        remove(key)
        return wasAlive
    }

    /// - Returns: Whether there was a live one.
    mutating func touch(_ key: Int, lifetime: Int64?) -> Bool {
        operations += 1
        guard live(key) != nil else { return false }
        held[key]?.expiresAt = lifetime.map { now + $0 } ?? .max
        use(key)
        return true
    }

    /// The keys held whose entries have a tag.
    func keys(tagged tag: Int) -> [Int] { held.filter { $0.value.tag == tag }.map(\.key) }

    /// Lets an entry go that is held, to make room.
    mutating func evict(_ key: Int) {
        if live(key) != nil { stats.evictions += 1 }
        remove(key)
    }

    mutating func advance(by duration: Int64) {
        operations += 1
        now += duration
        sweep()
    }

    mutating func resetStats() {
        stats.hits = 0
        stats.misses = 0
        stats.puts = 0
        stats.replacements = 0
        stats.deletes = 0
        stats.evictions = 0
        stats.expirations = 0
    }

    /// Lets entries go that expired before the present tick. The cache does it when it is told to or needs room; what is
    /// seen from outside is the same as if it did it at once.
    private mutating func sweep() {
        let tick = now / TimerWheel.tick
        for (key, entry) in held where entry.expiresAt != .max && (entry.expiresAt - 1) / TimerWheel.tick < tick {
            remove(key)
        }
    }

    private mutating func remove(_ key: Int) {
        if live(key) == nil { stats.expirations += 1 }
        held[key] = nil
        removals[key] = operations
        if keepsUses { uses.remove(at: place(of: key)) }
    }

    private mutating func use(_ key: Int) {
        guard keepsUses else { return }
        uses.remove(at: place(of: key))
        uses.append(key)
    }

    private func place(of key: Int) -> Int {
        uses.withUnsafeBufferPointer { uses in
            var place = 0
            while uses[place] != key { place += 1 }
            return place
        }
    }
}
