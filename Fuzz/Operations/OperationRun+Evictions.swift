internal import Threading

/// What the cache let go to make room: only what it might.
extension OperationRun {
    /// The entry of a key, as it is in the store, alive or not; nobody notices.
    func entry(_ key: Int) -> Entry? {
        let store = cache.store
        return store.shards[store.shardIndex(hashes[key])].table.find(keys[key], hash: hashes[key])
    }

    func counter(_ counter: CacheCounter) -> Int { Int(cache.store.counters.sum(counter.rawValue)) }

    /// Tells the model which entries are gone besides those that were written, having seen that they might go.
    mutating func noteEvictions(written: [(key: Int, value: CacheModel.Value)]) {
        let removals = counter(.evictions) + counter(.expirations)
        var untold = removals - removalsTold
        guard untold > 0 else { return }
        removalsTold = removals
        let numbers = Set(written.map(\.key))
        // In the order of their uses. No more can be gone than were counted; and expired ones may go at any time.
        let others = model.uses.filter { !numbers.contains($0) }
        var gone: [Int] = []
        for key in others where untold > 0 && entry(key) == nil {
            gone.append(key)
            untold -= 1
        }
        let evicted = gone.filter { model.live($0) != nil }
        if !evicted.isEmpty { check(evicted, of: others, written) }
        for key in gone { model.evict(key) }
    }

    private func check(_ evicted: [Int], of others: [Int], _ written: [(key: Int, value: CacheModel.Value)]) {
        if configuration.policy == .lru {
            let oldest = others.filter { model.live($0) != nil }.prefix(evicted.count)
            expect(evicted, is: Array(oldest), "those that were used longest ago are evicted")
        }
        if let capacity = configuration.capacity, cache.store.ledger.entries == capacity { return }
        guard let limit = configuration.memoryLimit else { fail("keys \(evicted) were evicted with room left") }
        // The last entry to go may have left far more than was needed, but all before it cannot. And what was written may have
        // taken the place of something larger, of what else was written as well.
        let free = limit - cache.store.ledger.bytes
        let needed = written.map { layout($0.key, $0.value).footprint(in: cache.store.geometry) }.max() ?? 0
        let last = evicted.map { mostFreed($0, model.held[$0]?.value) }.max() ?? 0
        let replaced = written.map { mostFreed($0.key, model.held[$0.key]?.value) }.reduce(0, +)
        let rewritten = written.count == 1 ? 0 : written.map { mostFreed($0.key, $0.value) }.reduce(0, +)
        let most = needed + last + replaced + rewritten + Self.mostOfTables
        expect(free <= most, "keys \(evicted) were evicted, and now \(free) bytes are free, not \(most) at most")
    }

    /// Bytes that a table grows by, or that go with the last entries of a shard.
    private static let mostOfTables = 24 << 10

    private func layout(_ key: Int, _ value: CacheModel.Value) -> EntryLayout {
        EntryLayout(keyCount: keys[key].count, valueCount: value.padding + 1, in: cache.store.geometry)
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
        expect(entry.valueCount, is: expected.value.padding + 1, "the length of key \(key)'s value")
        let block = entry.copy()
        defer { block.release() }
        expect(OperationValues.isText(block.value, of: expected.value), "the value of key \(key) is another")
    }

    /// Takes the counters of removals from the cache, where the model cannot know them; ``compareStatistics(resets:)`` sees
    /// whether they are the counts of what is there.
    mutating func adoptCounters(puts: Int) {
        model.stats.puts = puts
        model.stats.replacements = counter(.replacements)
        model.stats.evictions = counter(.evictions)
        // What the model has let go because its tick is over, the cache may still have to come upon.
        model.stats.expirations = counter(.expirations) + cache.store.ledger.entries - model.held.count
    }
}
