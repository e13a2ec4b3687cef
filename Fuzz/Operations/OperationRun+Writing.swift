/// Writes, and what they may evict.
extension OperationRun {
    mutating func put(
        _ key: Int, size: Int, most: Int = .max, lifetime: Int64?, _ notes: OperationNotes, _ face: Operation.Face
    ) throws {
        let value = newValue(of: key, size: size, most: most)
        // Only who loads says how long an entry is kept past its expiry.
        if configuration.usesNotes, notes.retention > 0 {
            return try putIf(key, nil, value, lifetime: lifetime ?? configuration.defaultLifetime, notes)
        }
        let ttl = lifetime.map { Duration.nanoseconds($0) }
        let tags = configuration.usesNotes ? notes.tags : []
        let names = tags.map { String(decoding: OperationNotes.tagNames[$0], as: UTF8.self) }
        let name = keys.names[key]
        var text = value.text
        var isNew: Bool?
        let replacements = counter(.replacements)
        do {
            switch face {
            case 0: isNew = try cache.putJSON(name, text, ttl: ttl, tags: names)
            case 1:
                text.insert(contentsOf: " \n\t".utf8, at: 0)
                isNew = try cache.putJSON(name, text + [0x20], ttl: ttl, tags: names)
            case 2:
                isNew = try cache.withParsed(text) { (document: borrowing JSONDocument) throws(CacheError) in
                    let put = try cache.put(
                        keys[key], document, document.root, lifetime: lifetime ?? cache.defaultTimeToLive,
                        tags: try TagList.make(names))
                    expect(put.digest, is: value.digest, "the digest of what was put")
                    return put.outcome == .created
                }
            default:
                if case .integer(let integer) = value {
                    try cache.put(name, integer, ttl: ttl, tags: names)
                } else {
                    let letters = String(decoding: text[1..<text.count - 1], as: UTF8.self)
                    try cache.put(name, letters, ttl: ttl, tags: names)
                }
            }
        } catch let error as CacheError {
            return checkRefusal(error, of: key, value, notes)
        }
        let isReplaced = noteWrite(of: key, value, since: replacements)
        let expected = model.put(key, value, lifetime: lifetime ?? configuration.defaultLifetime, tags: tags)
        expect(!isReplaced, is: expected, "key \(key) is new, by the counters")
        if let isNew { expect(isNew, is: expected, "key \(key) is new") }
        checkHeld(key)
    }

    /// Tells the model what a write that took effect let go: others, and last of all what had the key.
    ///
    /// - Parameter replacements: How many there had been before.
    /// - Returns: Whether it replaced what had the key.
    mutating func noteWrite(of key: Int, _ value: CacheModel.Value, since replacements: Int) -> Bool {
        lastWritten = key
        noteEvictions(Need(written: [(key, value)]))
        let isReplaced = counter(.replacements) > replacements
        if !isReplaced, model.live(key) != nil {
            checkEvictedLast(key)
            model.evict(key)
        }
        return isReplaced
    }

    /// Tells the model what a write let go that took no effect in the end. What had the key was there when it began.
    mutating func noteVainWrite(of key: Int, _ value: CacheModel.Value, _ notes: OperationNotes = .none) {
        noteEvictions(Need(bytes: footprint(key, value) + notes.footprint))
        expect(model.live(key) == nil, "a write of key \(key) did not go by what is there")
        checkEvictedLast(key)
    }

    /// That a key could have been evicted for its own value: what has the key goes last.
    private func checkEvictedLast(_ key: Int) {
        expect(configuration.memoryLimit != nil, "key \(key) was evicted for its own value")
        let others = model.held.keys.filter { $0 != key }
        expect(configuration.shardCount > 1 || others.isEmpty, "key \(key) was evicted before others")
    }

    /// Puts a value if a condition is met, or by a lease; with all that may be known of it.
    ///
    /// - Returns: What became of it; nil if it was refused.
    mutating func write(
        _ key: Int, _ value: CacheModel.Value, lifetime: Int64?, _ notes: OperationNotes,
        if condition: WriteCondition? = nil, filling lease: Lease? = nil
    ) throws -> PutOutcome? {
        do throws(CacheError) {
            let put = try cache.withParsed(value.text) { (document: borrowing JSONDocument) throws(CacheError) in
                try cache.put(
                    keys[key], document, document.root, lifetime: lifetime, tags: try TagList.make(notes.names),
                    note: notes.note, validator: OperationNotes.validatorBytes(notes.validator), if: condition,
                    filling: lease)
            }
            expect(put.digest, is: value.digest, "the digest of what was put")
            return put.outcome
        } catch {
            checkRefusal(error, of: key, value, notes)
            return nil
        }
    }

    /// Tells the model of a write with notes that took effect.
    mutating func notePut(
        _ key: Int, _ value: CacheModel.Value, lifetime: Int64?, _ notes: OperationNotes, _ outcome: PutOutcome,
        since replacements: Int
    ) {
        let isReplaced = noteWrite(of: key, value, since: replacements)
        let expected = model.put(
            key, value, lifetime: lifetime, tags: notes.tags, retention: notes.retention, validator: notes.validator)
        expect(outcome, is: expected ? .created : .replaced, "what became of the write")
        expect(!isReplaced, is: expected, "key \(key) is new, by the counters")
        checkHeld(key)
    }

    /// Puts values of different sizes at once, if the batch is not dropped.
    mutating func putBatch(
        _ numbers: [Int], size: Int, lifetime: Int64?, _ notes: OperationNotes, _ face: Operation.Face
    ) throws {
        var written: [(key: Int, value: CacheModel.Value)] = []
        let tags = configuration.usesNotes ? notes.tags : []
        let names = tags.map { OperationNotes.tagNames[$0] }
        if face == 3 {
            var items: [String: String] = [:]
            var values: [Int: CacheModel.Value] = [:]
            for (place, key) in Self.distinct(numbers).enumerated() {
                let value = newValue(of: key, size: size + place * 7, most: Self.mostOfBatch, least: 2)
                values[key] = value
                let text = value.text
                items[keys.names[key]] = String(decoding: text[1..<text.count - 1], as: UTF8.self)
            }
            do {
                let names = names.map { String(decoding: $0, as: UTF8.self) }
                try cache.mput(items, ttl: lifetime.map { .nanoseconds($0) }, tags: names)
            } catch let error as CacheError {
                func count(_ key: Int, _ value: CacheModel.Value) -> Int { keys[key].count + value.count }
                guard let largest = values.max(by: { count($0.key, $0.value) < count($1.key, $1.value) }) else {
                    fail("\(error), for no items")
                }
                return checkRefusal(error, of: largest.key, largest.value, notes)
            }
            // In the order in which the dictionary gave them out.
            written = items.keys.map { name in
                let key = keys.number(name) ?? 0
                return (key, values[key] ?? newValue(of: key, size: 0))
            }
        } else {
            var batch = WriteBatch(cache: cache, capacity: numbers.count)
            for (place, key) in numbers.enumerated() {
                let value = newValue(of: key, size: size + place * 7, most: Self.mostOfBatch)
                do {
                    try cache.withParsed(value.text) { (document: borrowing JSONDocument) throws(CacheError) in
                        try batch.append(
                            keys[key], document, document.root, lifetime: lifetime ?? cache.defaultTimeToLive,
                            tags: try TagList.make(names), isExact: face == 1)
                    }
                    written.append((key, value))
                } catch {
                    checkRefusal(error, of: key, value, notes)
                }
            }
            if face == 2 { return }
            do {
                try batch.commit()
            } catch {
                fail("\(error), for a batch of what was accepted")
            }
        }
        noteBatch(written, lifetime: lifetime ?? configuration.defaultLifetime, tags: tags, isExact: face == 1)
    }

    private static var mostOfBatch: Int { 70_000 }

    mutating func newValue(of key: Int, size: Int, most: Int = .max, least: Int = 1) -> CacheModel.Value {
        valueCount += 1
        let count = max(least, sizes.count(size, keyCount: keys[key].count, most: min(most, OperationValue.longest)))
        return OperationValue(valueCount, count: count)
    }

    /// Tells the model of a batch. Which of its entries were evicted for others of it, or replaced, only the cache knows: what
    /// is there must be what was put last.
    private mutating func noteBatch(
        _ written: [(key: Int, value: CacheModel.Value)], lifetime: Int64?, tags: [Int], isExact: Bool
    ) {
        noteEvictions(Need(written: written))
        let puts = model.stats.puts + written.count
        var last: [Int: Int] = [:]
        for (place, (key, _)) in written.enumerated() { last[key] = place }
        var isLost = false
        for (place, (key, value)) in written.enumerated() {
            let isLast = last[key] == place
            if configuration.isBounded {
                guard isLast else { continue }
                if entry(key) == nil {
                    isLost = true
                    model.noteChange(of: key)
                    if model.held[key] != nil { model.evict(key) }
                    continue
                }
            }
            let lifetime = lifetimeFound(of: key, lifetime, isExact: isExact || !isLast)
            _ = model.put(key, value, lifetime: lifetime, tags: tags)
        }
        if isLost, configuration.policy == .lru {
            expect(model.uses.allSatisfy { last[$0] != nil }, "a batch lost an entry for an earlier one")
        }
        if configuration.isBounded { adoptCounters(puts: puts) }
        for key in last.keys where model.held[key] != nil { checkHeld(key) }
    }

    /// The time to live that an entry of a batch was given, seen to be what the jitter allows.
    private func lifetimeFound(of key: Int, _ lifetime: Int64?, isExact: Bool) -> Int64? {
        guard let lifetime, configuration.ttlJitter > 0, !isExact else { return lifetime }
        guard let entry = entry(key) else { fail("key \(key) of a batch is not there") }
        let found = entry.expiresAt - model.now
        let shortest = Double(lifetime) * Double(100 - configuration.ttlJitter) / 100
        expect(found >= 1 && found <= lifetime, "the time to live of key \(key) is \(found) ns, of \(lifetime)")
        expect(
            Double(found) >= shortest * 0.999_999_999 - 1,
            "the time to live of key \(key) is \(found) ns, of \(lifetime)")
        return found
    }

    func checkRefusal(
        _ error: CacheError, of key: Int, _ value: CacheModel.Value, _ notes: OperationNotes = .none
    ) {
        guard error.code == .insufficientStorage, let limit = configuration.memoryLimit else { fail("\(error)") }
        // No entry takes more than that, whatever is left over of its pages.
        let count = keys[key].count + value.count
        let most = count + count / 16 + 2 * cache.store.geometry.pageCost + VirtualMemory.pageSize + notes.footprint
        expect(most > limit - cache.store.emptyFootprint, "key \(key) with \(count) bytes is refused: \(error)")
    }
}
