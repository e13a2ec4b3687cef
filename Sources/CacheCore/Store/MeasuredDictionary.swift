/// A dictionary by the hashes of keys, of all 64 bits, which knows how many bytes it takes: for all that it has room for, not only for
/// what is in it. It gives back what it has too much of.
struct MeasuredDictionary<Value> {
    private var values: [UInt64: Value] = [:]
    /// Bytes that it takes; 0 when it is empty. What values refer to is not counted.
    private(set) var footprint = 0

    /// The least that it has room for, when it has anything.
    private static var leastCapacity: Int { 6 }

    var isEmpty: Bool { values.isEmpty }
    var count: Int { values.count }

    subscript(hash: UInt64) -> Value? { values[hash] }

    /// How many more bytes it takes when a value of another hash is put in.
    var growth: Int { hasRoom ? 0 : Self.bytes(capacity: nextCapacity) - footprint }

    /// How many more bytes it takes when a value of this hash is put in: none in the place of another.
    func growth(for hash: UInt64) -> Int { hasRoom || values[hash] != nil ? 0 : growth }

    private var hasRoom: Bool { values.count < values.capacity }
    private var nextCapacity: Int { max(Self.leastCapacity, values.capacity * 2) }

    /// Puts a value in, in the place of one of the same hash.
    ///
    /// - Complexity: O(1) expected, amortized.
    mutating func put(_ value: Value, for hash: UInt64) {
        if !hasRoom, values[hash] == nil { resize(to: nextCapacity) }
        values[hash] = value
    }

    /// Changes the value of a hash, if there is one.
    mutating func update(_ hash: UInt64, _ body: (inout Value) -> Void) {
        guard let index = values.index(forKey: hash) else { return }
        body(&values.values[index])
    }

    /// - Returns: The value that was there.
    /// - Complexity: O(1) expected, amortized.
    @discardableResult
    mutating func remove(_ hash: UInt64) -> Value? {
        guard let removed = values.removeValue(forKey: hash) else { return nil }
        if values.isEmpty {
            values = [:]
            footprint = 0
        } else if values.capacity > Self.leastCapacity * 4, values.count < values.capacity / 8 {
            resize(to: values.count * 2)
        }
        return removed
    }

    /// All of it, in no order.
    var all: [UInt64: Value] { values }

    private mutating func resize(to capacity: Int) {
        // A new one: what reserves room never has less than before.
        var resized = [UInt64: Value](minimumCapacity: capacity)
        for (hash, value) in values { resized[hash] = value }
        values = resized
        footprint = Self.bytes(capacity: values.capacity)
    }

    /// The bytes of a dictionary that has room for so many: a header, a bit for each slot, and slots by a power of two, of which three
    /// in four may be filled.
    private static func bytes(capacity: Int) -> Int {
        var slots = 2
        while slots * 3 / 4 < capacity { slots *= 2 }
        return 96 + max(8, slots / 8) + slots * (MemoryLayout<UInt64>.stride + MemoryLayout<Value>.stride)
    }
}

extension [UInt8] {
    /// Bytes that an array of so many bytes takes, with what the allocator adds.
    static func footprint(count: Int) -> Int { count == 0 ? 0 : (32 + count + 16 + 15) & ~15 }
}
