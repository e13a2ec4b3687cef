extension ProductionCache {
    /// The JSON texts of those keys that are in the cache; takes each lock once.
    ///
    /// - Throws: ``CacheError`` for a key that cannot be one.
    public func mgetJSON(_ keys: some Sequence<String>) throws(CacheError) -> [String: [UInt8]] {
        var batch = KeyBatch(capacity: keys.underestimatedCount)
        var names: [String] = []
        for key in keys {
            let place = try withUTF8(of: key) { (key) throws(CacheError) in try batch.append(key) }
            if place == names.count { names.append(key) }
        }
        let values = store.lookup(batch)
        var found: [String: [UInt8]] = [:]
        for (place, name) in names.enumerated() {
            if let value = values.withUnsafeBytes(place, { Array($0) }) { found[name] = value }
        }
        return found
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
