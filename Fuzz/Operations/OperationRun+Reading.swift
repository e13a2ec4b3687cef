/// Reads, whose results the model knows.
extension OperationRun {
    mutating func get(_ key: Int, _ face: Operation.Face) throws {
        let expected = model.get(key)?.value
        let name = keys.names[key]
        switch face {
        case 0: compareFound(key)
        case 1:
            guard let text = cache.getJSON(name) else { return expect(expected == nil, "key \(key) was not found") }
            compare(text, to: expected, of: key)
        case 2:
            let isRight = cache.withJSON(name) { text in
                text.withUnsafeBytes { bytes in expected?.isText(bytes) ?? false }
            }
            expect(isRight, is: expected == nil ? nil : true, "the text of key \(key) is right")
        default:
            switch expected {
            case .integer(let integer): expect(try cache.get(name, as: Int64.self), is: integer, "key \(key)")
            case .object: expect(cache.getJSON(name), is: expected?.text, "key \(key)")
            default:
                let text = try cache.get(name, as: String.self).map { Array("\"\($0)\"".utf8) }
                expect(text == expected?.text, "key \(key) is decoded to something else")
            }
        }
    }

    /// As the model was told of the read already.
    private func compareFound(_ key: Int) {
        let expected = model.live(key)
        guard let found = cache.lookup(keys[key]) else { return expect(expected == nil, "key \(key) was not found") }
        guard let expected else { fail("key \(key) was found") }
        found.withUnsafeBytes { bytes in
            expect(expected.value.isText(bytes), "the value of key \(key) is another")
        }
        expect(found.digest, is: expected.value.digest, "the digest of key \(key)")
        let timeLeft = expected.expiresAt == .max ? nil : expected.expiresAt - model.now
        expect(found.timeLeft(at: cache.now), is: timeLeft, "the time left of key \(key)")
        // The time of storing is kept to 67 ms, and for nine years.
        guard model.now < 1 << 58 else { return }
        let excess = found.age(at: cache.now) - (model.now - expected.storedAt)
        expect((0..<1 << 26).contains(excess), "the age of key \(key) is \(excess) ns too much")
    }

    private func compare(_ text: [UInt8], to expected: CacheModel.Value?, of key: Int) {
        guard let expected else { fail("key \(key) was found") }
        text.withUnsafeBytes { expect(expected.isText($0), "the value of key \(key) is another") }
    }

    mutating func getBatch(_ numbers: [Int], _ face: Operation.Face) throws {
        var expected: [Int: CacheModel.Value] = [:]
        let distinct = Self.distinct(numbers)
        for key in distinct { expected[key] = model.get(key)?.value }
        if face < 2 {
            let found = try cache.mgetJSON(numbers.map { keys.names[$0] })
            expect(found.count, is: expected.count, "values found")
            for key in distinct {
                let text = found[keys.names[key]]
                expect(text != nil, is: expected[key] != nil, "key \(key) was found")
                if let text { compare(text, to: expected[key], of: key) }
            }
        } else {
            var batch = KeyBatch(capacity: face == 2 ? 0 : numbers.count)
            for key in numbers { try batch.append(keys[key]) }
            expect(batch.count, is: distinct.count, "distinct keys")
            let found = cache.lookup(batch)
            var place = 0
            found.forEach(batch) { key, value in
                let number = distinct[place]
                expect(key.elementsEqual(keys[number]), "another key at place \(place) of a batch")
                expect(value != nil, is: expected[number] != nil, "key \(number) was found")
                if let value { compare(Array(value), to: expected[number], of: number) }
                place += 1
            }
            expect(place, is: distinct.count, "keys that were told")
        }
    }

    /// Traffic as caches have it, which policies need much of to change their minds.
    mutating func traffic(seed: Int, _ count: Int, keys: Int) throws {
        var state = UInt32(seed) &* 2_654_435_761 | 1
        for step in 0..<count {
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            let (one, other) = (Int(state & 0xFFFF) % keys, Int(state >> 16) % keys)
            // By the seed: some are read more often than others, all alike, or round and round.
            let key = [min(one, other), one, step % keys][seed % 3]
            let isThere = model.live(key) != nil
            try get(key, 0)
            if !isThere { try put(key, size: 15 + key % 8, lifetime: nil, .none, 0) }
        }
    }

    static func distinct(_ numbers: [Int]) -> [Int] {
        var seen: Set<Int> = []
        return numbers.filter { seen.insert($0).inserted }
    }

    // MARK: Values that are kept while the cache goes on

    /// A value that was lent, and what it must stay.
    struct LentValue {
        let value: CacheModel.Value
        let bytes: UnsafeRawBufferPointer
        let token: UnsafeMutableRawPointer
    }

    mutating func lend(_ key: Int) {
        let expected = model.get(key)?.value
        guard let found = cache.lookup(keys[key]) else { return expect(expected == nil, "key \(key) was not found") }
        guard let expected else { fail("key \(key) was found") }
        let (bytes, token) = found.lend()
        lent.append(LentValue(value: expected, bytes: bytes, token: token))
        if lent.count > 8 { endLending(0) }
    }

    mutating func endLending(_ place: Int) {
        guard !lent.isEmpty else { return }
        let ended = lent.remove(at: place % lent.count)
        expect(ended.value.isText(ended.bytes), "a value that was lent has changed")
        CachedValue.endLending(ended.token)
    }
}
