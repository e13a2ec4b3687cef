/// Writes, and what they may evict.
extension OperationRun {
    mutating func put(
        _ key: Int, size: Int, most: Int = .max, lifetime: Int64?, _ face: Operation.Face
    ) throws {
        let value = newValue(of: key, size: size, most: most)
        let ttl = lifetime.map { Duration.nanoseconds($0) }
        let name = keys.names[key]
        var text = OperationValues.text(value)
        var isNew: Bool?
        let replacements = counter(.replacements)
        do {
            switch face {
            case 0: isNew = try cache.putJSON(name, text, ttl: ttl)
            case 1:
                text.insert(contentsOf: " \n\t".utf8, at: 0)
                isNew = try cache.putJSON(name, text + [0x20], ttl: ttl)
            case 2:
                isNew = try cache.withParsed(text) { (document: borrowing JSONDocument) throws(CacheError) in
                    let put = try cache.put(
                        keys[key], document, document.root, lifetime: lifetime ?? cache.defaultTimeToLive)
                    expect(put.digest, is: text.withUnsafeBytes { contentDigest($0) }, "the digest of what was put")
                    return put.outcome == .created
                }
            default:
                if value.padding == 0 {
                    try cache.put(name, value.number % 10, ttl: ttl)
                } else {
                    try cache.put(name, String(decoding: text[1..<text.count - 1], as: UTF8.self), ttl: ttl)
                }
            }
        } catch let error as CacheError {
            return checkRefusal(error, of: key, value)
        }
        noteEvictions(written: [(key, value)])
        let isReplaced = counter(.replacements) > replacements
        // What has the key goes last, and may have had to go for its own successor.
        if !isReplaced, model.live(key) != nil {
            expect(configuration.memoryLimit != nil, "key \(key) was evicted for its own value")
            expect(configuration.shardCount > 1 || model.held.count == 1, "key \(key) was evicted before others")
            model.evict(key)
        }
        let expected = model.put(key, value, lifetime: lifetime ?? configuration.defaultLifetime)
        expect(!isReplaced, is: expected, "key \(key) is new, by the counters")
        if let isNew { expect(isNew, is: expected, "key \(key) is new") }
        checkHeld(key)
    }

    /// Puts values of different sizes at once, if the batch is not dropped.
    mutating func putBatch(_ numbers: [Int], size: Int, lifetime: Int64?, _ face: Operation.Face) throws {
        var written: [(key: Int, value: CacheModel.Value)] = []
        if face == 3 {
            var items: [String: String] = [:]
            var values: [Int: CacheModel.Value] = [:]
            for (place, key) in Self.distinct(numbers).enumerated() {
                let value = newValue(of: key, size: size + place * 7, most: Self.mostOfBatch, least: 2)
                values[key] = value
                let text = OperationValues.text(value)
                items[keys.names[key]] = String(decoding: text[1..<text.count - 1], as: UTF8.self)
            }
            do {
                try cache.mput(items, ttl: lifetime.map { .nanoseconds($0) })
            } catch let error as CacheError {
                func count(_ key: Int, _ value: CacheModel.Value) -> Int { keys[key].count + value.padding }
                guard let largest = values.max(by: { count($0.key, $0.value) < count($1.key, $1.value) }) else {
                    fail("\(error), for no items")
                }
                return checkRefusal(error, of: largest.key, largest.value)
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
                    try cache.withParsed(OperationValues.text(value)) {
                        (document: borrowing JSONDocument) throws(CacheError) in
                        try batch.append(
                            keys[key], document, document.root, lifetime: lifetime ?? cache.defaultTimeToLive,
                            isExact: face == 1)
                    }
                    written.append((key, value))
                } catch {
                    checkRefusal(error, of: key, value)
                }
            }
            if face == 2 { return }
            do {
                try batch.commit()
            } catch {
                fail("\(error), for a batch of what was accepted")
            }
        }
        noteBatch(written, lifetime: lifetime ?? configuration.defaultLifetime, isExact: face == 1)
    }

    private static var mostOfBatch: Int { 70_000 }

    private mutating func newValue(of key: Int, size: Int, most: Int = .max, least: Int = 1) -> CacheModel.Value {
        valueCount += 1
        let count = max(least, sizes.count(size, keyCount: keys[key].count, most: min(most, OperationValues.longest)))
        return OperationValues.value(valueCount, count: count)
    }

    /// Tells the model of a batch. Which of its entries were evicted for others of it, or replaced, only the cache knows: what
    /// is there must be what was put last.
    private mutating func noteBatch(
        _ written: [(key: Int, value: CacheModel.Value)], lifetime: Int64?, isExact: Bool
    ) {
        noteEvictions(written: written)
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
                    if model.held[key] != nil { model.evict(key) }
                    continue
                }
            }
            _ = model.put(key, value, lifetime: lifetimeFound(of: key, lifetime, isExact: isExact || !isLast))
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

    private func checkRefusal(_ error: CacheError, of key: Int, _ value: CacheModel.Value) {
        guard error.code == .insufficientStorage, let limit = configuration.memoryLimit else { fail("\(error)") }
        // No entry takes more than that, whatever is left over of its pages.
        let count = keys[key].count + value.padding + 1
        let most = count + count / 16 + 2 * cache.store.geometry.pageCost + VirtualMemory.pageSize
        expect(most > limit - cache.store.emptyFootprint, "key \(key) with \(count) bytes is refused: \(error)")
    }
}
