extension ProductionCache {
    /// The JSON texts of those keys that are in the cache; takes each lock once, or once for each part of a large batch.
    ///
    /// Of keys that Swift takes for equal though their bytes differ (`é` in one scalar and in two), the dictionary has one:
    /// ``withJSON(_:_:)-(Sequence<String>,_)`` tells them apart.
    ///
    /// - Throws: ``CacheError`` for a key that cannot be one.
    @inlinable
    public func mgetJSON(_ keys: some Sequence<String>) throws(CacheError) -> [String: [UInt8]] {
        try getAllJSON(Array(keys))
    }

    /// What ``mgetJSON(_:)`` does, in a form that is compiled here whole.
    @usableFromInline
    func getAllJSON(_ keys: [String]) throws(CacheError) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        found.reserveCapacity(keys.count)
        try visitAllJSON(keys) { key, json in
            if let json { found[key] = json.withUnsafeBytes { Array($0) } }
        }
        return found
    }

    /// Calls `body` with each of the keys, once, in their order, and the JSON text of its value; nil on a miss.
    ///
    /// - Parameters:
    ///   - keys: The keys.
    ///   - body: What to do with the bytes, which are valid until it returns. No lock is held meanwhile.
    /// - Throws: ``CacheError`` for a key that cannot be one; what `body` throws.
    /// - Complexity: As of ``mgetJSON(_:)``, but for the copies and the dictionary.
    @inlinable
    public func withJSON(
        _ keys: some Sequence<String>, _ body: (_ key: String, _ json: RawSpan?) throws -> Void
    ) throws {
        var failure: (any Error)?
        try visitAllJSON(Array(keys)) { key, json in
            guard failure == nil else { return }
            do {
                try body(key, json)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// What ``withJSON(_:_:)`` does, in a form that is compiled here whole.
    @usableFromInline
    func visitAllJSON(_ keys: [String], _ body: (_ key: String, _ json: RawSpan?) -> Void) throws(CacheError) {
        var batch = KeyBatch(capacity: keys.count)
        var names: [String] = []
        names.reserveCapacity(keys.count)
        for key in keys {
            let place = try withUTF8(of: key) { (key) throws(CacheError) in try batch.append(key) }
            if place == names.count { names.append(key) }
        }
        let values = store.lookup(batch)
        for (place, name) in names.enumerated() {
            let isFound: Void? = values.withUnsafeBytes(place) { body(name, $0.bytes) }
            if isFound == nil { body(name, nil) }
        }
    }

    /// Removes the entries with these keys, taking each lock once.
    ///
    /// - Returns: How many live ones there were.
    /// - Throws: ``CacheError`` for a key that cannot be one; nothing is removed then.
    @discardableResult
    public func mdelete(_ keys: some Sequence<String>) throws(CacheError) -> Int {
        var batch = KeyBatch(capacity: keys.underestimatedCount)
        for key in keys { try withUTF8(of: key) { (key) throws(CacheError) in _ = try batch.append(key) } }
        return delete(batch)
    }

    // MARK: For the service

    /// Finds the values of a batch of distinct keys; counts a hit or a miss each.
    package func lookup(_ keys: borrowing KeyBatch) -> CachedValues { store.lookup(keys) }

    /// Removes the entries of a batch of distinct keys, and says how many live ones there were.
    package func delete(_ keys: borrowing KeyBatch) -> Int { store.remove(keys) }
}
