/// The leases of a shard's keys that are out, by the hashes of the keys.
///
/// Under the shard's lock, as all of the shard. Their number and bytes are bounded: when there is no place for one, those go that are over,
/// else the one that ends first.
struct LeaseTable {
    struct Held {
        var token: LeaseToken
        var key: [UInt8]
        var endsAt: Int64
    }

    private let mostLeases: Int
    private let mostBytes: Int
    private var leases = MeasuredDictionary<Held>()
    private var keyBytes = 0
    /// No later than the first of them ends; `Int64.max` if there is none.
    private(set) var nextEnd = Int64.max

    /// - Parameter mostBytes: How many bytes all of them may take. One lease may take more.
    init(mostLeases: Int, mostBytes: Int) {
        self.mostLeases = mostLeases
        self.mostBytes = mostBytes
    }

    @inline(__always) var isEmpty: Bool { leases.isEmpty }
    var count: Int { leases.count }

    /// Bytes that all of it takes.
    var footprint: Int { leases.footprint + keyBytes }

    /// How many bytes ``put(_:for:)`` takes for a key of so many.
    func growth(keyCount: Int) -> Int { leases.growth + [UInt8].footprint(count: keyCount) }

    /// How many bytes the first lease takes.
    static func footprint(keyCount: Int) -> Int {
        LeaseTable(mostLeases: 1, mostBytes: .max).growth(keyCount: keyCount)
    }

    /// The lease of a key that is not over at `now`.
    func held(_ hash: UInt64, now: Int64) -> Held? {
        guard !isEmpty, let held = leases[hash], held.endsAt > now else { return nil }
        return held
    }

    /// Lets leases go until there is a place for one of a key of so many bytes.
    ///
    /// - Complexity: O(1), unless the table is full: then O(*n*) for its *n* leases, whose number is bounded.
    mutating func makePlace(keyCount: Int, now: Int64) {
        while !isEmpty, count >= mostLeases || footprint + growth(keyCount: keyCount) > mostBytes {
            if nextEnd <= now, removeEnded(now: now) { continue }
            var first: (hash: UInt64, endsAt: Int64)?
            for (hash, held) in leases.all where first == nil || held.endsAt < first!.endsAt {
                first = (hash, held.endsAt)
            }
            if let first { remove(first.hash) }
        }
    }

    /// Puts a lease in, in the place of the one that the key has.
    mutating func put(_ held: Held, for hash: UInt64) {
        remove(hash)
        keyBytes += [UInt8].footprint(count: held.key.count)
        nextEnd = min(nextEnd, held.endsAt)
        leases.put(held, for: hash)
    }

    mutating func remove(_ hash: UInt64) {
        guard !isEmpty, let removed = leases.remove(hash) else { return }
        keyBytes -= [UInt8].footprint(count: removed.key.count)
        if isEmpty { nextEnd = .max }
    }

    /// Removes the leases that are over.
    ///
    /// - Returns: Whether there were any.
    mutating func removeEnded(now: Int64) -> Bool {
        guard nextEnd <= now else { return false }
        var next = Int64.max
        let isChanged = removeAll { held in
            if held.endsAt <= now { return true }
            next = min(next, held.endsAt)
            return false
        }
        nextEnd = next
        return isChanged
    }

    /// Removes the leases of keys that begin with `prefix`, but for one.
    mutating func removeAll(prefix: UnsafeRawBufferPointer, sparing spared: LeaseToken? = nil) {
        _ = removeAll { held in held.key.starts(with: prefix) && held.token != spared }
    }

    private mutating func removeAll(where isToGo: (Held) -> Bool) -> Bool {
        var hashes: [UInt64] = []
        for (hash, held) in leases.all where isToGo(held) { hashes.append(hash) }
        for hash in hashes { remove(hash) }
        return !hashes.isEmpty
    }
}
