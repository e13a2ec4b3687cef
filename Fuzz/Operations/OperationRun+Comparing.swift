/// What is compared now and then: the whole of the cache.
extension OperationRun {
    mutating func compareStatistics(resets: Bool) {
        let stats = cache.getStats()
        noteEvictions(Need())
        var expected = model.stats
        expected.currentSize = model.held.count - model.staleCount
        expected.staleEntries = model.staleCount
        expected.memoryBytes = stats.memoryBytes
        expected.whatIf = stats.whatIf
        expected.memoryLimit = configuration.memoryLimit
        expect(stats, is: expected, "the statistics")
        let removed = stats.replacements + stats.deletes + stats.evictions + stats.expirations
        expect(stats.currentSize, is: heldAtReset + stats.puts + renewals - removed, "puts less removals")
        if let limit = configuration.memoryLimit { expect(stats.memoryBytes <= limit, "\(stats.memoryBytes) bytes") }
        if let capacity = configuration.capacity {
            expect(stats.currentSize <= capacity, "\(stats.currentSize) entries")
        }
        guard resets else { return }
        cache.resetStats()
        model.resetStats()
        heldAtReset = stats.currentSize
        renewals = 0
        removalsTold = 0
    }

    /// That the parts of the store agree with each other, and all that it holds with the model.
    mutating func audit() {
        let audit = StoreAudit(of: cache.store)
        expect(audit.faults, is: [], "faults of the store")
        for key in 0..<OperationKeys.count where model.held[key] != nil || entry(key) != nil {
            // What expired before the present tick is gone for the model.
            if model.held[key] == nil, let entry = entry(key), entry.expiresAt <= model.now { continue }
            checkHeld(key)
        }
        for key in 0..<OperationKeys.count { checkLease(key) }
        scribble()
    }

    private static let tooLong = String(repeating: "k", count: Entry.maximumKeyCount + 1)

    /// What the cache refuses, and that nothing comes of it.
    mutating func refuse(_ kind: Int) {
        let key = keys.names[kind]
        switch kind % 10 {
        case 0: expectRefusal(.invalidKey) { try cache.putJSON("", [0x31]) }
        case 1: expectRefusal(.keyTooLong) { try cache.putJSON(Self.tooLong, [0x31]) }
        case 2: expectRefusal(.invalidJSON) { try cache.putJSON(key, Array("{\"a\":1".utf8)) }
        case 3: expectRefusal(.invalidTTL) { try cache.putJSON(key, [0x31], ttl: .zero) }
        case 4:
            expectRefusal(.invalidTTL) { try cache.put(key, 1, ttl: CacheConfiguration.maximumTTL + .nanoseconds(1)) }
        case 5: expectRefusal(.invalidKey) { _ = try cache.mgetJSON([key, ""]) }
        case 6: expectRefusal(.invalidTTL) { try cache.touch([key], ttl: .zero) }
        case 7: expectRefusal(.invalidTag) { try cache.putJSON(key, [0x31], tags: ["t", ""]) }
        case 8: expectRefusal(.keyTooLong) { try cache.mdelete([key, Self.tooLong]) }
        default:
            let cursor = ListingCursor(process: cache.store.hasher.identity &+ 1, hash: 0)
            expectRefusal(.invalidCursor) { _ = try cache.keys(after: cursor) }
        }
    }

    func expectRefusal(_ code: CacheError.Code, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            return expect((error as? CacheError)?.code, is: code, "the error")
        }
        fail("it was not refused as \(code.rawValue)")
    }
}
