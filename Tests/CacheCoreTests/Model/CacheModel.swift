@testable import CacheCore

/// What a cache must do, said as plainly as can be: a dictionary, a list in the order of the uses, a clock, counters.
///
/// Keys and values are numbers here; ``ModelRun`` knows their texts. An expired entry is gone for everyone, but it is held,
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
    }

    let capacity: Int?
    private(set) var now: Int64 = 0
    private(set) var held: [Int: Held] = [:]
    /// The keys held, the oldest use first; kept if there is a capacity, which alone needs it.
    private var uses: [Int] = []
    /// For each key, how many operations there had been when it was last removed.
    private(set) var removals: [Int: Int] = [:]
    private(set) var operations = 0
    private(set) var stats: CacheStats

    init(capacity: Int?) {
        self.capacity = capacity
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
    mutating func put(_ key: Int, _ value: Value, lifetime: Int64?) -> Bool {
        operations += 1
        stats.puts += 1
        let entry = Held(value: value, storedAt: now, expiresAt: lifetime.map { now + $0 } ?? .max)
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
        if let capacity, held.count == capacity {
            let oldest = uses[0]
            if live(oldest) != nil { stats.evictions += 1 }
            remove(oldest)
        }
        held[key] = entry
        if capacity != nil { uses.append(key) }
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
        if capacity != nil { uses.remove(at: place(of: key)) }
    }

    private mutating func use(_ key: Int) {
        guard capacity != nil else { return }
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
