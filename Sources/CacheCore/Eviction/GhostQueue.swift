/// Which keys were evicted lately: S3-FIFO's ghost queue, first in, first out.
///
/// A set-associative table of fingerprints, each with the time of its eviction, counted in evictions; and a bit for each of
/// the last evictions, set while its key is in the queue, so that a key leaves exactly when there are too many newer
/// ones. Now and then a key passes for another, or leaves early because its set is full.
///
/// - Complexity: O(1) amortized. Takes four bytes a slot and a byte an entry.
struct GhostQueue {
    /// Sets of ``ways`` slots. A slot is 16 bits of fingerprint, never all 0, above 16 bits of time; 0 if it is empty.
    private var slots: [UInt32] = []
    private var setCount = 0

    /// The most keys in the queue, and how many there are.
    private var length = 0
    private var count = 0
    /// A bit for each eviction from `oldest` on, by its number modulo their count: whether its key is in the queue.
    private var isPresent: [UInt64] = []
    private var evictions = 0
    private var oldest = 0
    /// How many evictions a tick of the slots' time has.
    private var evictionsPerTick = 1

    private static let ways = 16
    /// For how many times its length a queue reaches back, however many keys were taken out of it.
    private static let reach = 8
    private static let salt: UInt64 = 0x2545_F491_4F6C_DD1D

    /// A queue of no length.
    init() {}

    /// - Parameters:
    ///   - capacity: How many entries the cache holds. The queue is nine tenths as long, as in the paper.
    ///   - slotsPerEntry: 1 or more; with 2, hardly a key leaves early.
    init(capacity: Int, slotsPerEntry: Int) {
        setCount = Self.setCount(capacity, slotsPerEntry)
        slots = Array(repeating: 0, count: setCount * Self.ways)
        length = Self.length(capacity)
        isPresent = Array(repeating: 0, count: Self.wordCount(capacity))
        evictionsPerTick = max(1, (isPresent.count * 64 + 0xFFFF) >> 16)
    }

    /// Bytes that a queue takes.
    static func footprint(capacity: Int, slotsPerEntry: Int) -> Int {
        setCount(capacity, slotsPerEntry) * ways * MemoryLayout<UInt32>.stride
            + wordCount(capacity) * MemoryLayout<UInt64>.stride
    }

    private static func length(_ capacity: Int) -> Int { capacity * 9 / 10 }
    private static func wordCount(_ capacity: Int) -> Int { length(capacity) * reach / 64 + 1 }
    private static func setCount(_ capacity: Int, _ slotsPerEntry: Int) -> Int {
        max(1, (capacity * slotsPerEntry + ways - 1) / ways)
    }

    /// Bytes that it takes.
    var footprint: Int {
        slots.count * MemoryLayout<UInt32>.stride + isPresent.count * MemoryLayout<UInt64>.stride
    }

    /// Notes an eviction.
    mutating func add(_ hash: UInt64) {
        guard length > 0 else { return }
        while count >= length || evictions - oldest >= isPresent.count * 64 {
            remove(oldest)
            oldest += 1
        }
        let (start, fingerprint) = locate(hash)
        // An empty slot, else that of the oldest eviction, whose key leaves.
        var chosen = start
        var greatestAge = -1
        for slot in start..<start + Self.ways {
            let age = slots[slot] == 0 ? Int.max : age(of: slots[slot])
            if age > greatestAge { (greatestAge, chosen) = (age, slot) }
        }
        if slots[chosen] != 0 { _ = removeEviction(of: slots[chosen]) }
        slots[chosen] = fingerprint | UInt32(truncatingIfNeeded: tick & 0xFFFF)
        isPresent[evictions / 64 % isPresent.count] |= 1 << UInt64(evictions % 64)
        count += 1
        evictions += 1
    }

    /// Takes a key out; false if it was not evicted lately.
    mutating func take(_ hash: UInt64) -> Bool {
        guard length > 0 else { return false }
        let (start, fingerprint) = locate(hash)
        for slot in start..<start + Self.ways where slots[slot] != 0 && slots[slot] & 0xFFFF_0000 == fingerprint {
            let isInTime = removeEviction(of: slots[slot])
            slots[slot] = 0
            if isInTime { return true }
        }
        return false
    }

    private var tick: Int { evictions / evictionsPerTick }

    /// In ticks.
    private func age(of slot: UInt32) -> Int { (tick - Int(slot & 0xFFFF)) & 0xFFFF }

    /// Removes one of the keys that were evicted at a slot's tick; false if none of them is in the queue any more.
    private mutating func removeEviction(of slot: UInt32) -> Bool {
        let first = (tick - age(of: slot)) * evictionsPerTick
        for eviction in max(first, oldest)..<max(first, oldest, min(first + evictionsPerTick, evictions))
        where remove(eviction) { return true }
        return false
    }

    @discardableResult
    private mutating func remove(_ eviction: Int) -> Bool {
        let word = eviction / 64 % isPresent.count
        let bit: UInt64 = 1 << UInt64(eviction % 64)
        guard isPresent[word] & bit != 0 else { return false }
        isPresent[word] &= ~bit
        count -= 1
        return true
    }

    private func locate(_ hash: UInt64) -> (start: Int, fingerprint: UInt32) {
        let bits = mixed(hash, salt: Self.salt)
        let fingerprint = UInt32(truncatingIfNeeded: max(1, bits & 0xFFFF))
        return (place(UInt32(truncatingIfNeeded: bits >> 32), in: setCount) * Self.ways, fingerprint << 16)
    }
}
