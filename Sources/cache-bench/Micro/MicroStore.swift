/// A store within this process whose reads are timed.
///
/// The loops over stores are generic and compiled for each conformer, so that nothing is called by way of a table.
protocol MicroReader: Sendable {
    /// Finds a value and reads its first byte; nil if the key is not there.
    func get(_ key: String) -> UInt8?
}

/// A store within this process whose writes are timed.
protocol MicroWriter: Sendable {
    /// Puts a value.
    func put(_ key: String, _ value: [UInt8])
}

extension MicroReader {
    /// Gets all keys, and returns how many that were.
    ///
    /// - Throws: `BenchmarkError` if one is not there.
    func getAll(_ keys: [String]) throws -> Int {
        var found = 0
        keys.withUnsafeBufferPointer { keys in
            for key in keys where get(key) != nil { found += 1 }
        }
        try requireAll(keys.count, found)
        return found
    }
}

extension MicroWriter {
    /// Puts a value under all keys, and returns how many that were.
    func putAll(_ keys: [String], _ value: [UInt8]) -> Int {
        keys.withUnsafeBufferPointer { keys in
            for key in keys { put(key, value) }
        }
        return keys.count
    }
}

/// Sees to it that nothing was missed: a miss is answered faster than a hit, and would be taken for speed.
func requireAll(_ expected: Int, _ found: Int) throws {
    guard found == expected else { throw BenchmarkError("only \(found) of \(expected) keys were found") }
}
