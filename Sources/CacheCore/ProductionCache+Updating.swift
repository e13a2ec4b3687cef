/// Writes that depend on what is there. Each is atomic: it goes by the value that it replaces, whoever else writes meanwhile.
///
/// None of them counts a hit or a miss.
extension ProductionCache {
    /// Adds to an integer.
    ///
    /// ```swift
    /// let visits = try cache.increment("visits")                          // 1, if the key is new
    /// let left = try cache.increment("quota:7", by: -1, initial: 100, ttl: .seconds(60))
    /// ```
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - amount: What is added; less than 0 to subtract.
    ///   - initial: What it is added to if the key is new.
    ///   - ttl: How long the entry lives from now on. nil: as long as before; a new one, for ``CacheConfiguration/defaultTTL``.
    /// - Returns: The sum, which is the value now.
    /// - Throws: ``CacheError``: `notANumber` if the value is not a JSON integer, `overflow` if it or the sum does not fit into 64
    ///   bits; `invalidKey`, `keyTooLong`, `invalidTTL`, `insufficientStorage`.
    /// - Complexity: O(1) expected.
    @discardableResult
    public func increment(
        _ key: String, by amount: Int64 = 1, initial: Int64 = 0, ttl: Duration? = nil
    ) throws(CacheError) -> Int64 {
        let lifetime: Int64? = if let ttl { try TimeToLive.nanoseconds(ttl) } else { nil }
        return try withUTF8(of: key) { (key) throws(CacheError) in
            try increment(key, by: amount, initial: initial, lifetime: lifetime)
        }
    }

    /// Lets entries live for another time from now on. It is a use of their keys.
    ///
    /// - Parameters:
    ///   - keys: The keys.
    ///   - ttl: How long; nil for no end.
    /// - Returns: How many live ones there were.
    /// - Throws: ``CacheError`` with `invalidTTL`, or for a key that cannot be one; nothing is changed then.
    /// - Complexity: O(1) expected a key; each lock is taken once.
    @discardableResult
    public func touch(_ keys: some Sequence<String>, ttl: Duration?) throws(CacheError) -> Int {
        let lifetime: Int64? = if let ttl { try TimeToLive.nanoseconds(ttl) } else { nil }
        var batch = KeyBatch(capacity: keys.underestimatedCount)
        for key in keys { try withUTF8(of: key) { (key) throws(CacheError) in _ = try batch.append(key) } }
        return touch(batch, lifetime: lifetime)
    }

    /// Merges a patch into a JSON value: RFC 7396, "JSON Merge Patch". Members of the patch that are null are removed, others set.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - patch: The patch, in UTF-8: any JSON value.
    ///   - ttl: How long the entry lives from now on; nil: as long as before.
    /// - Returns: False if no live entry has the key.
    /// - Throws: ``CacheError``: `invalidJSON` with the place of the fault, `invalidTTL`, `valueTooLarge`, `insufficientStorage`.
    /// - Complexity: Linear in the value and the patch.
    @discardableResult
    public func mergeJSON(
        _ key: String, _ patch: some Sequence<UInt8>, ttl: Duration? = nil
    ) throws(CacheError) -> Bool {
        let lifetime: Int64? = if let ttl { try TimeToLive.nanoseconds(ttl) } else { nil }
        return try withParsed(Array(patch)) { (patch: borrowing JSONDocument) throws(CacheError) in
            try withUTF8(of: key) { (key) throws(CacheError) in
                switch try merge(key, patch, lifetime: lifetime, limits: .ofStore) {
                case .done: true
                case .absent, .conditionFailed: false
                }
            }
        }
    }

    // MARK: For the service

    /// What became of an update.
    package enum UpdateOutcome: Sendable {
        /// The entry has this value now, of this digest.
        case done([UInt8], digest: UInt64)
        /// No live entry has the key.
        case absent
        case conditionFailed
    }

    /// Merges a patch into the value with this key.
    ///
    /// - Parameters:
    ///   - lifetime: Nanoseconds to live; nil to leave the expiry as it is.
    ///   - condition: What must hold of the value that is patched; nil for nothing.
    package func merge(
        _ key: UnsafeRawBufferPointer, _ patch: borrowing JSONDocument, lifetime: Int64?,
        if condition: WriteCondition? = nil, limits: EntryLimits
    ) throws(CacheError) -> UpdateOutcome {
        // Another writer may come between the read and the write: then again, with what it wrote.
        while true {
            guard let value = store.peek(key) else { return .absent }
            let digest = value.digest
            if let condition, !condition.isMet(by: digest) { return .conditionFailed }
            let merged = try value.withUnsafeBytes { (json) throws(CacheError) in
                try withParsed(json) { (target: borrowing JSONDocument) in MergePatch(target, patch).output }
            }
            try limits.validate(valueCount: merged.count)
            let time = configuration.clock.reading()
            let (entry, newDigest) = try prepare(key, merged, lifetime: lifetime, at: time)
            let outcome = try store.put(
                entry, now: time.now, if: .isStill(digest), keeping: lifetime == nil ? [.expiry, .notes] : .notes)
            if outcome == .replaced { return .done(merged, digest: newDigest) }
        }
    }

    /// Adds to an integer.
    ///
    /// - Parameter lifetime: Nanoseconds to live; nil to leave the expiry as it is, or to the default for a new entry.
    package func increment(
        _ key: UnsafeRawBufferPointer, by amount: Int64, initial: Int64, lifetime: Int64?
    ) throws(CacheError) -> Int64 {
        while true {
            var before = initial
            var digest: UInt64?
            if let value = store.peek(key) {
                before = try Self.integer(value)
                digest = value.digest
            }
            let (sum, overflows) = before.addingReportingOverflow(amount)
            guard !overflows else {
                throw CacheError(.overflow, "\(before) and \(amount) are together more than 64 bits can hold")
            }
            let time = configuration.clock.reading()
            let isNew = digest == nil
            let (entry, _) = try prepare(
                key, Array("\(sum)".utf8), lifetime: lifetime ?? (isNew ? defaultTimeToLive : nil), at: time)
            let condition = digest.map { WriteCondition.isStill($0) } ?? WriteCondition(noneMatch: .any)
            let outcome = try store.put(
                entry, now: time.now, if: condition, keeping: lifetime == nil && !isNew ? [.expiry, .notes] : .notes)
            if outcome != .conditionFailed { return sum }
        }
    }

    package func increment(
        _ key: [UInt8], by amount: Int64, initial: Int64, lifetime: Int64?
    ) throws(CacheError) -> Int64 {
        try withBytes(of: key) { (key) throws(CacheError) in
            try increment(key, by: amount, initial: initial, lifetime: lifetime)
        }
    }

    /// Lets the live entries of a batch of distinct keys live for so many nanoseconds from now on; nil for no end.
    package func touch(_ keys: borrowing KeyBatch, lifetime: Int64?) -> Int { store.touch(keys, lifetime: lifetime) }

    private func prepare(
        _ key: UnsafeRawBufferPointer, _ json: [UInt8], lifetime: Int64?, at time: (now: Int64, rank: Int64)
    ) throws(CacheError) -> (entry: PreparedEntry, digest: UInt64) {
        let entry = try store.prepare(key: key, valueCount: json.count, lifetime: lifetime, at: time) {
            $0.copyBytes(from: json)
        }
        return (entry, entry.block.digest)
    }

    /// The integer that a value is.
    private static func integer(_ value: borrowing CachedValue) throws(CacheError) -> Int64 {
        try value.withUnsafeBytes { (json) throws(CacheError) in
            let digits = json.first == UInt8(ascii: "-") ? json.dropFirst() : json[...]
            guard !digits.isEmpty, digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
                throw CacheError(
                    .notANumber, "the value is \(shortened(json)); only a JSON integer can be added to")
            }
            guard let integer = Int64(String(decoding: json, as: UTF8.self)) else {
                throw CacheError(.overflow, "the value is \(shortened(json)), which is more than 64 bits can hold")
            }
            return integer
        }
    }
}
