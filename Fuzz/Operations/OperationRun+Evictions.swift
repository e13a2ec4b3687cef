internal import Threading

/// What the cache let go to make room, entries and leases: only what it might.
extension OperationRun {
    /// The entry of a key, as it is in the store, alive or not; nobody notices.
    func entry(_ key: Int) -> Entry? {
        let store = cache.store
        return store.shards[store.shardIndex(hashes[key])].table.find(keys[key], hash: hashes[key])
    }

    func counter(_ counter: CacheCounter) -> Int { Int(cache.store.counters.sum(counter.rawValue)) }

    /// What a write may have made room for.
    struct Need {
        /// What was written.
        var written: [(key: Int, value: CacheModel.Value)] = []
        /// Bytes that it was to have room for.
        var bytes = 0
        /// The key of which a lease was to be had.
        var leased: Int?
    }

    /// Tells the model which entries and leases are gone besides those that were written, having seen that they might go.
    mutating func noteEvictions(_ need: Need) {
        let notesBefore = notesBytes
        notesBytes = (0..<cache.store.shardCount).reduce(0) { bytes, index in
            let shard = cache.store.shards + index
            return bytes + shard.pointee.tags.footprint + shard.pointee.notes.footprint + shard.pointee.leases.footprint
        }
        noteRevokedLeases(need)
        let removals = counter(.evictions) + counter(.expirations)
        var untold = removals - removalsTold
        // Of those whose expiry was counted, nothing is counted when they go.
        let mayHaveStale = configuration.isBounded && model.staleCount > 0
        guard untold > 0 || mayHaveStale else { return }
        removalsTold = removals
        let numbers = Set(need.written.map(\.key))
        // In the order of their uses. No more can be gone than were counted; and expired ones may go at any time.
        let others = model.uses.filter { !numbers.contains($0) }
        var gone: [Int] = []
        for key in others {
            let isStale = model.held[key]?.isStale == true
            guard isStale ? mayHaveStale : untold > 0, entry(key) == nil else { continue }
            gone.append(key)
            if !isStale { untold -= 1 }
        }
        let evicted = gone.filter { model.live($0) != nil }
        if !evicted.isEmpty { check(evicted, of: others, need, bytesOfNotes: notesBefore + notesBytes) }
        for key in gone { model.evict(key) }
        let staleLeft = model.staleKeys.filter { !numbers.contains($0) }
        expect(evicted.isEmpty || staleLeft.isEmpty, "keys \(evicted) were evicted before those that are stale")
    }

    private func check(_ evicted: [Int], of others: [Int], _ need: Need, bytesOfNotes: Int) {
        if configuration.policy == .lru {
            let oldest = others.filter { model.live($0) != nil }.prefix(evicted.count)
            expect(evicted, is: Array(oldest), "those that were used longest ago are evicted")
        }
        if let capacity = configuration.capacity, cache.store.ledger.entries == capacity { return }
        guard let limit = configuration.memoryLimit else { fail("keys \(evicted) were evicted with room left") }
        // The last entry to go may have left far more than was needed, but all before it cannot. And what was written may have
        // taken the place of something larger, of what else was written as well. What is known of entries is in tables that
        // double, and go with the last.
        let free = limit - cache.store.ledger.bytes
        let needed = need.written.map { footprint($0.key, $0.value) }.max() ?? 0
        let last = evicted.map { mostFreed($0, model.held[$0]?.value) }.max() ?? 0
        let replaced = need.written.map { mostFreed($0.key, model.held[$0.key]?.value) }.reduce(0, +)
        let rewritten = need.written.count == 1 ? 0 : need.written.map { mostFreed($0.key, $0.value) }.reduce(0, +)
        let most = max(needed, need.bytes) + last + replaced + rewritten + Self.mostOfTables + bytesOfNotes
        expect(free <= most, "keys \(evicted) were evicted, and now \(free) bytes are free, not \(most) at most")
    }

    /// Tells the model which leases were revoked to make room: all, where nothing else is left; or, to make place for another in the
    /// table of its shard, those that end first.
    private mutating func noteRevokedLeases(_ need: Need) {
        guard let limit = configuration.memoryLimit else { return }
        let written = Set(need.written.map(\.key))
        let out = model.leases.filter { key, lease in
            lease.endsAt > model.now && !written.contains(key) && key != need.leased
        }
        let revoked = out.filter { heldLease($0.key) == nil }
        guard !revoked.isEmpty else { return }
        if revoked.count < out.count || cache.store.ledger.entries > written.count {
            guard let leased = need.leased else { fail("the leases of \(revoked.keys) were revoked with entries left") }
            let store = cache.store
            let index = store.shardIndex(hashes[leased])
            expect(
                revoked.keys.allSatisfy { store.shardIndex(hashes[$0]) == index },
                "a lease of another shard was revoked")
            let kept = out.filter { store.shardIndex(hashes[$0.key]) == index && revoked[$0.key] == nil }
            let last = revoked.values.map(\.endsAt).max() ?? 0
            expect(
                kept.values.allSatisfy { $0.endsAt >= last }, "the leases of \(revoked.keys) were not the first to end")
            // The table may have been about to double.
            let bytes = revoked.keys.reduce(2 * store.shards[index].leases.footprint) {
                $0 + [UInt8].footprint(count: keys[$1].count)
            }
            expect(bytes > limit / 16 / store.shardCount, "the leases of \(revoked.keys) were revoked in a small table")
        }
        model.revokeLeases(of: revoked.keys)
    }

    /// The token of the lease that the store has out of a key.
    func heldLease(_ key: Int) -> LeaseToken? {
        let store = cache.store
        return store.shards[store.shardIndex(hashes[key])].leases.held(hashes[key], now: model.now)?.token
    }

    /// That the lease of a key is the one that the model has.
    func checkLease(_ key: Int) {
        guard configuration.usesNotes else { return }
        let lease = model.leases[key].flatMap { $0.endsAt > model.now ? $0 : nil }
        expect(heldLease(key), is: lease.map { taken[$0.number - 1].lease.token }, "the lease of key \(key)")
        guard notesAbsences, model.live(key) == nil else { return }
        expect(cache.absenceTimeLeft(of: keys[key]), is: model.absenceTimeLeft(of: key), "the absence of key \(key)")
    }

    /// Bytes that a table grows by, or that go with the last entries of a shard.
    private static let mostOfTables = 24 << 10

    private func layout(_ key: Int, _ value: CacheModel.Value) -> EntryLayout {
        EntryLayout(keyCount: keys[key].count, valueCount: value.count, in: cache.store.geometry)
    }

    func footprint(_ key: Int, _ value: CacheModel.Value) -> Int {
        layout(key, value).footprint(in: cache.store.geometry)
    }

    private func mostFreed(_ key: Int, _ value: CacheModel.Value?) -> Int {
        guard let value else { return 0 }
        let layout = layout(key, value)
        return (2 + layout.pieceCount) * cache.store.geometry.pageCost + layout.externalBytes
    }

    /// That an entry is what the model says.
    func checkHeld(_ key: Int) {
        guard let expected = model.held[key] else { return expect(entry(key) == nil, "key \(key) is still there") }
        guard let entry = entry(key) else { fail("key \(key) is not there") }
        expect(entry.expiresAt, is: expected.expiresAt, "the expiry of key \(key)")
        expect(entry.valueCount, is: expected.value.count, "the length of key \(key)'s value")
        let block = entry.copy()
        defer { block.release() }
        expect(expected.value.isText(block.value), "the value of key \(key) is another")
        guard configuration.usesNotes else { return }
        checkTags(of: key, expected, in: cache)
        let hash = hashes[key]
        let shard = cache.store.shards + cache.store.shardIndex(hash)
        let noted = shard.pointee.notes[hash]
        expect(
            noted?.note ?? LoadNote(), is: OperationNotes.note(retention: expected.retention), "the note of key \(key)")
        expect(noted?.isStale != true || expected.isStale, "key \(key) is stale too early")
        let validator = OperationNotes.validatorBytes(expected.validator)
        expect(shard.pointee.notes.validator(hash), is: validator, "the validator of key \(key)")
    }

    func checkTags(of key: Int, _ expected: CacheModel.Held, in cache: ProductionCache) {
        let shard = cache.store.shards + cache.store.shardIndex(hashes[key])
        let tags = shard.pointee.tags.tags(of: hashes[key])?.names ?? []
        expect(tags, is: expected.tags.map { OperationNotes.tagNames[$0] }, "the tags of key \(key)")
    }

    /// Takes the counters of removals from the cache, where the model cannot know them; ``compareStatistics(resets:)`` sees
    /// whether they are the counts of what is there.
    mutating func adoptCounters(puts: Int) {
        model.stats.puts = puts
        model.stats.replacements = counter(.replacements)
        model.stats.evictions = counter(.evictions)
        // What the model has counted because its tick is over, the cache may still have to come upon.
        let uncounted = cache.store.ledger.entries - cache.store.staleCount
        model.stats.expirations = counter(.expirations) + uncounted - (model.held.count - model.staleCount)
    }
}
