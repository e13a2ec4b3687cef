@testable import CacheCore

/// What a cache must do, said as plainly as can be: a dictionary, a list in the order of the uses, a clock, counters.
///
/// Keys, tags and validators are numbers here; who runs it knows their texts, and declares what a `Value` is. An expired entry is gone
/// for everyone, but it is held, and takes room, until someone comes upon it or the tick of the timer wheel is over in which it
/// expired; or longer, if it is to be kept to be served stale.
struct CacheModel {
    struct Held {
        var value: Value
        var storedAt: Int64
        /// `Int64.max` if it does not expire.
        var expiresAt: Int64
        var tags: [Int] = []
        /// How long it is kept past its expiry.
        var retention: Int64 = 0
        var validator: Int?
        /// Whether it is kept past its expiry, which was counted.
        var isStale = false

        var retainedUntil: Int64 { expiresAt == .max ? .max : expiresAt + retention }
    }

    /// A lease that is out.
    struct Lease: Equatable {
        var number: Int
        /// `Int64.max` for one of the program's own.
        var endsAt: Int64
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
    private(set) var leases: [Int: Lease] = [:]
    private var leaseCount = 0
    /// The keys that are known to have nothing at their origin, and when that is to be asked again.
    private(set) var absences: [Int: Int64] = [:]
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
            expire(key, at: now)
            stats.misses += 1
            return nil
        }
        use(key)
        stats.hits += 1
        return found
    }

    /// The entry that is kept past its expiry, if there is one.
    func stale(_ key: Int) -> Held? {
        guard let found = held[key], found.expiresAt <= now, found.retainedUntil > now else { return nil }
        return found
    }

    /// - Returns: Whether no live entry had the key.
    // Optimized into its callers, with what they read of the model, it makes the compiler of Swift 6.3.1 fail.
    @inline(never)
    mutating func put(
        _ key: Int, _ value: Value, lifetime: Int64?, tags: [Int] = [], retention: Int64 = 0, validator: Int? = nil
    ) -> Bool {
        operations += 1
        stats.puts += 1
        noteChange(of: key)
        let entry = Held(
            value: value, storedAt: now, expiresAt: lifetime.map { now + $0 } ?? .max, tags: tags,
            retention: retention, validator: validator)
        if let old = held[key] {
            let wasAlive = old.expiresAt > now
            if wasAlive {
                stats.replacements += 1
            } else {
                if old.isStale { staleCount -= 1 } else { stats.expirations += 1 }
                removals[key] = operations
            }
            held[key] = entry
            use(key)
            return !wasAlive
        }
        // Which of those goes that are kept past their expiry is told; it is before any that is alive.
        if evictions == .exact, let capacity, held.count == capacity, staleCount == 0 { evict(uses[0]) }
        held[key] = entry
        if keepsUses { uses.append(key) }
        return true
    }

    /// Puts a value that follows from the live one in the place of that, and keeps its tags and for how long it may be served stale.
    ///
    /// - Parameter lifetime: nil to leave the expiry as it is.
    mutating func update(_ key: Int, _ value: Value, lifetime: Int64?) {
        guard let old = live(key) else { preconditionFailure("nothing is there to be updated") }
        _ = put(key, value, lifetime: lifetime, tags: old.tags, retention: old.retention)
        if lifetime == nil { held[key]?.expiresAt = old.expiresAt }
    }

    /// - Returns: Whether there was a live one.
    mutating func delete(_ key: Int) -> Bool {
        operations += 1
        noteChange(of: key)
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

    /// Removes the entries that have a tag, of some keys, and ends all leases of these but for one.
    ///
    /// - Returns: How many live ones there were.
    mutating func deleteAll(tag: Int, of keys: some Sequence<Int>, sparing spared: Int? = nil) -> Int {
        let kept = leases.filter { $0.value.number == spared }
        var count = 0
        for key in keys {
            if held[key]?.tags.contains(tag) == true, delete(key) { count += 1 }
            leases[key] = kept[key]
        }
        return count
    }

    /// Notes that a key was changed: nobody may fill it who began to load before, and what was known of its absence is over.
    mutating func noteChange(of key: Int) {
        leases[key] = nil
        absences[key] = nil
    }

    // MARK: Leases

    /// What a look by a client that would load a missing value comes to, after the look itself.
    enum LeaseAnswer: Equatable {
        case granted(Int)
        case taken(Int64)
    }

    mutating func takeLease(_ key: Int, for duration: Int64) -> LeaseAnswer {
        if let lease = leases[key], lease.endsAt > now {
            return .taken(lease.endsAt == .max ? 1_000_000_000 : lease.endsAt - now)
        }
        stats.leasesGranted += 1
        return .granted(newLease(key, endsAt: now + duration))
    }

    /// A lease of the program's own.
    mutating func beginLoad(_ key: Int) -> Int { newLease(key, endsAt: .max) }

    func holds(_ key: Int, _ number: Int) -> Bool {
        guard let lease = leases[key], lease.endsAt > now else { return false }
        return lease.number == number
    }

    mutating func endLoad(_ key: Int, _ number: Int) {
        if holds(key, number) { leases[key] = nil }
    }

    /// Counts a write by a client's lease.
    mutating func countFill(_ isFilled: Bool) {
        if isFilled { stats.leasesFilled += 1 } else { stats.leasesLost += 1 }
    }

    /// - Parameter hasRoom: Whether there is room for what is to be known of it.
    /// - Returns: Whether the value that is there is fresh again.
    mutating func renew(
        _ key: Int, _ number: Int, lifetime: Int64?, retention: Int64, validator: Int? = nil, hasRoom: Bool = true
    ) -> Bool {
        guard holds(key, number), live(key) != nil || stale(key) != nil else { return false }
        operations += 1
        if live(key) == nil { expire(key, at: now) }
        guard hasRoom else { return false }
        held[key]?.storedAt = now
        held[key]?.expiresAt = lifetime.map { now + $0 } ?? .max
        held[key]?.retention = retention
        held[key]?.validator = validator
        if held[key]?.isStale == true { staleCount -= 1 }
        held[key]?.isStale = false
        noteChange(of: key)
        use(key)
        return true
    }

    /// Notes that the origin has nothing under a key: what is there expires at once.
    ///
    /// - Parameter lifetime: nil for not to be noted.
    /// - Returns: Whether the lease was held.
    mutating func noteAbsence(of key: Int, _ number: Int, lifetime: Int64?) -> Bool {
        guard holds(key, number) else { return false }
        operations += 1
        noteChange(of: key)
        if held[key] != nil {
            if live(key) != nil { stats.expirations += 1 }
            remove(key)
        }
        absences[key] = lifetime.map { now + $0 }
        return true
    }

    func absenceTimeLeft(of key: Int) -> Int64? {
        guard let end = absences[key], end > now else { return nil }
        return end - now
    }

    mutating func revokeLeases(of keys: some Sequence<Int>) {
        for key in keys { leases[key] = nil }
    }

    private mutating func newLease(_ key: Int, endsAt: Int64) -> Int {
        leaseCount += 1
        leases[key] = Lease(number: leaseCount, endsAt: endsAt)
        return leaseCount
    }

    /// Lets an entry go that is held, to make room.
    mutating func evict(_ key: Int) {
        operations += 1
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
        stats.leasesGranted = 0
        stats.leasesFilled = 0
        stats.leasesLost = 0
    }

    /// How many entries are kept past their expiry, which was counted.
    private(set) var staleCount = 0
    var staleKeys: [Int] { held.filter { $0.value.isStale }.map(\.key) }

    /// Whether more is held than may be, so that a stale one must have gone.
    var isOverFull: Bool { capacity.map { held.count > $0 } ?? false }

    /// Lets entries go that expired before the present tick. The cache does it when it is told to or needs room; what is
    /// seen from outside is the same as if it did it at once.
    private mutating func sweep() {
        let tick = now / TimerWheel.tick
        for (key, entry) in held where entry.expiresAt != .max && (entry.expiresAt - 1) / TimerWheel.tick < tick {
            expire(key, at: tick * TimerWheel.tick)
        }
    }

    /// Lets an entry go that has expired, or notes that it has, if it is kept past `time`.
    private mutating func expire(_ key: Int, at time: Int64) {
        guard let found = held[key], found.retention > 0, found.retainedUntil > time else { return remove(key) }
        guard !found.isStale else { return }
        stats.expirations += 1
        removals[key] = operations
        held[key]?.isStale = true
        staleCount += 1
    }

    private mutating func remove(_ key: Int) {
        if held[key]?.isStale == true { staleCount -= 1 } else if live(key) == nil { stats.expirations += 1 }
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
