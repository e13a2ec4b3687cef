/// Distinct keys in the order in which they were first named, one behind the other in one buffer, each hashed once.
package struct KeyBatch: ~Copyable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    private var hashes: [UInt64] = []
    /// A hash table of places in `hashes`, plus one; 0 where it is empty. Its size is a power of two, over twice the count.
    private var places: [Int32]
    private let hasher = KeyHasher()

    package init(capacity: Int) {
        ends.reserveCapacity(capacity)
        hashes.reserveCapacity(capacity)
        bytes.reserveCapacity(capacity * 24)
        var size = 16
        while size < capacity * 2 { size *= 2 }
        places = Array(repeating: 0, count: size)
    }

    package var count: Int { hashes.count }

    /// How many bytes all keys have together.
    package var byteCount: Int { bytes.count }

    /// Adds a key, unless it is there already.
    ///
    /// - Returns: The key's place in the batch.
    /// - Throws: ``CacheError/Code/invalidKey`` or ``CacheError/Code/keyTooLong``.
    /// - Complexity: O(1) expected, amortized.
    @discardableResult
    package mutating func append(_ key: UnsafeRawBufferPointer) throws(CacheError) -> Int {
        try ShardedStore.validate(key: key)
        let hash = hasher.hash(key)
        var slot = Int(truncatingIfNeeded: hash) & (places.count - 1)
        while places[slot] != 0 {
            let place = Int(places[slot]) - 1
            if hashes[place] == hash, withKey(place, { known, _ in known.elementsEqual(key) }) { return place }
            slot = (slot + 1) & (places.count - 1)
        }
        bytes.append(contentsOf: key)
        ends.append(bytes.count)
        hashes.append(hash)
        places[slot] = Int32(count)
        if count * 2 > places.count { grow() }
        return count - 1
    }

    @discardableResult
    package mutating func append(_ key: [UInt8]) throws(CacheError) -> Int {
        try withBytes(of: key) { (key) throws(CacheError) in try append(key) }
    }

    /// Calls `body` with the key at a place.
    package borrowing func withKey<Result>(at place: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withKey(place) { key, _ in body(key) }
    }

    /// Calls `body` with the key at a place, and its hash.
    @inline(__always)
    borrowing func withKey<Result>(_ place: Int, _ body: (UnsafeRawBufferPointer, UInt64) -> Result) -> Result {
        let start = place == 0 ? 0 : ends[place - 1]
        let end = ends[place]
        return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<end]), hashes[place]) }
    }

    @inline(__always)
    borrowing func hash(_ place: Int) -> UInt64 { hashes[place] }

    private mutating func grow() {
        places = Array(repeating: 0, count: places.count * 2)
        for (place, hash) in hashes.enumerated() {
            var slot = Int(truncatingIfNeeded: hash) & (places.count - 1)
            while places[slot] != 0 { slot = (slot + 1) & (places.count - 1) }
            places[slot] = Int32(place + 1)
        }
    }
}
