/// A ghost cache whose keys expire, and that is told what happens to a real cache of another size.
struct TimedGhostCache: ~Copyable {
    private var ghosts: GhostCache
    /// By place: when the entry expires, in ticks from the clock's origin on; ``never``, if it does not; and ``isRefilled``.
    private var expiries: [UInt32]

    /// A tick is so many bits of nanoseconds: some 67 milliseconds, so that 31 bits last for four years.
    private static let tickBits: Int64 = 26
    private static let never: UInt32 = 0x7FFF_FFFF
    /// A client missed the key in the real cache, and will put it there, but would have found it here.
    private static let isRefilled: UInt32 = 0x8000_0000

    init(_ rules: EvictionRules, capacity: Int) {
        ghosts = GhostCache(rules, capacity: capacity)
        expiries = Array(repeating: Self.never, count: capacity)
    }

    static func footprint(_ rules: EvictionRules, capacity: Int) -> Int {
        GhostCache.footprint(rules, capacity: capacity) + capacity * MemoryLayout<UInt32>.stride
    }

    /// The real cache had the key, in an entry with this expiry.
    ///
    /// - Returns: True if it was here too. If not, it is now: the client would have put it.
    mutating func hit(_ hash: UInt64, expiresAt: Int64, now: Int64) -> Bool {
        if let place = find(hash, now: now) {
            ghosts.use(place)
            return true
        }
        expiries[ghosts.insert(hash)] = Self.ticks(expiresAt)
        return false
    }

    /// The real cache did not have the key.
    ///
    /// - Returns: True if it was here.
    mutating func miss(_ hash: UInt64, now: Int64) -> Bool {
        guard let place = find(hash, now: now) else { return false }
        ghosts.use(place)
        expiries[place] |= Self.isRefilled
        return true
    }

    /// Where a key is that has not expired. A client that was to put it has not, if it asks again.
    private mutating func find(_ hash: UInt64, now: Int64) -> Int? {
        guard let place = ghosts.find(hash) else { return nil }
        expiries[place] &= ~Self.isRefilled
        guard expiries[place] == Self.never || Int64(expiries[place]) > now >> Self.tickBits else {
            ghosts.remove(place)
            return nil
        }
        return place
    }

    /// The real cache got the key. It does here too, unless the client put it because it missed it there alone.
    mutating func put(_ hash: UInt64, expiresAt: Int64) {
        guard let place = ghosts.find(hash) else {
            expiries[ghosts.insert(hash)] = Self.ticks(expiresAt)
            return
        }
        if expiries[place] & Self.isRefilled != 0 {
            expiries[place] &= ~Self.isRefilled
        } else {
            ghosts.use(place)
            expiries[place] = Self.ticks(expiresAt)
        }
    }

    mutating func delete(_ hash: UInt64) {
        if let place = ghosts.find(hash) { ghosts.remove(place) }
    }

    private static func ticks(_ time: Int64) -> UInt32 { UInt32(min(Int64(never), max(0, time >> tickBits))) }
}
