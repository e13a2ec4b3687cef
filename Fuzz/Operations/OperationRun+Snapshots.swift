#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Snapshots, each restored into another cache.
extension OperationRun {
    /// - Parameter code: How many entries the other cache may hold; 0 for any number.
    mutating func snapshot(capacity code: Int) throws {
        // They name entries by all bits of their hashes.
        guard configuration.usesNotes else { return }
        let path = "\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/operations-\(getpid()).snapshot"
        defer { unlink(path) }
        // In the order of their uses.
        let live = (configuration.isBounded ? model.uses : Array(model.held.keys)).filter { model.live($0) != nil }
        expect(try cache.writeSnapshot(to: path).entries, is: live.count, "the entries that were written")

        let capacity = code == 0 ? nil : 1 + code * live.count / 128
        var other = CacheConfiguration(capacity: capacity, eviction: configuration.policy, clock: .manual(clock))
        // Several shards keep to the order of a file only if they hold more than is restored in one go, as a cache that has several does.
        other.shardCount = capacity == nil ? configuration.shardCount : 1
        let restored = try ProductionCache(other)
        guard let report = try restored.restoreSnapshot(from: path) else { fail("there is no snapshot") }
        expect(report.damage, is: nil, "damage")
        let mayExpire = live.count { timeLeft($0) ?? .max <= Self.mostInexact }
        expect(report.expired <= mayExpire, "\(report.expired) entries expired, not \(mayExpire) at most")
        expect([report.loaded + report.expired, report.failed, report.superseded], is: [live.count, 0, 0], "restored")
        let kept = live.filter { found(in: restored, $0) }
        expect(kept.count, is: min(report.loaded, capacity ?? .max), "the entries that are there")
        expect(restored.store.ledger.entries, is: kept.count, "the entries that are held")
        if configuration.policy == .lru, configuration.isBounded, report.expired == 0 {
            expect(kept, is: live.suffix(kept.count), "those that were used last are there")
        }
        expect(StoreAudit(of: restored.store).faults, is: [], "faults of the store that was restored")
    }

    /// Whether an entry is in a cache that was restored; as it was, then.
    private func found(in restored: ProductionCache, _ key: Int) -> Bool {
        guard let expected = model.held[key], let found = restored.store.peek(keys[key]) else { return false }
        found.withUnsafeBytes { expect(expected.value.isText($0), "the value of restored key \(key) is another") }
        switch (found.timeLeft(at: model.now), timeLeft(key)) {
        case (nil, nil): break
        case (let left?, let expected?):
            expect(abs(left - expected) <= Self.mostInexact, "restored key \(key) has \(left) ns left, not \(expected)")
        case (let left, let expected): expect(left, is: expected, "the time left of restored key \(key)")
        }
        checkTags(of: key, expected, in: restored)
        return true
    }

    private func timeLeft(_ key: Int) -> Int64? {
        guard let expiresAt = model.held[key]?.expiresAt, expiresAt < .max else { return nil }
        return expiresAt - model.now
    }

    /// How many nanoseconds an expiry may be off that was written in seconds: as many digits as a `Double` has.
    private static var mostInexact: Int64 { 1000 }
}
