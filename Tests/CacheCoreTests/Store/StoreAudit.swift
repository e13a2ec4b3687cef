import Testing

@testable import CacheCore

/// Goes over a store that no thread uses and checks that its parts say the same of what it holds.
func audit(_ cache: ProductionCache, sourceLocation: SourceLocation = #_sourceLocation) {
    let store = cache.store
    var entries = 0
    var bytes = 0
    for index in 0..<store.shardCount {
        let outcome = store.withShard(index) { shard in ShardAudit(of: &shard, index: index, in: store) }
        #expect(store.guards[index].uses.isEmpty == true, "uses that were not settled", sourceLocation: sourceLocation)
        #expect(outcome.faults == [], sourceLocation: sourceLocation)
        entries += outcome.entries
        bytes += outcome.bytes
    }
    #expect(store.ledger.entries == entries, "the ledger's entries", sourceLocation: sourceLocation)
    #expect(store.ledger.bytes == bytes, "the ledger's bytes", sourceLocation: sourceLocation)
    if let capacity = store.capacity { #expect(entries <= capacity, sourceLocation: sourceLocation) }
    if let limit = store.memoryLimit { #expect(bytes <= limit, sourceLocation: sourceLocation) }
}

/// What one shard holds, and what is wrong with it.
private struct ShardAudit {
    var entries = 0
    var bytes = 0
    var faults: [String] = []

    init(of shard: inout Shard, index: Int, in store: ShardedStore) {
        bytes = shard.footprint
        var last: UInt64 = 0
        var scheduled = 0
        _ = shard.table.scan(from: 0, limit: .max / 2) { entry in
            entries += 1
            bytes += entry.footprint
            if entry.hash < last { faults.append("the hashes fall at \(entry.hash)") }
            last = entry.hash
            if store.shardIndex(entry.hash) != index { faults.append("an entry of another shard") }
            if store.hasher.hash(entry.key) != entry.hash { faults.append("a hash that is not its key's") }
            if shard.table.find(entry.key, hash: entry.hash) != entry { faults.append("an entry that is not found") }
            if entry.nextUsed != 0 { faults.append("a use that was not settled") }
            if (entry.expiresAt == Entry.never) != (entry.timerBucket == TimerWheel.noBucket) {
                faults.append("an entry that expires at \(entry.expiresAt) is in bucket \(entry.timerBucket)")
            }
            if entry.expiresAt != Entry.never { scheduled += 1 }
            return true
        }
        if shard.table.count != entries { faults.append("a count of \(shard.table.count) for \(entries) entries") }
        checkRecency(of: shard)
    }

    private mutating func checkRecency(of shard: borrowing Shard) {
        var listed = 0
        var previous: Entry?
        var current = shard.recency.oldest
        while let entry = current {
            listed += 1
            if entry.older != previous { faults.append("a link of the recency list that does not lead back") }
            previous = entry
            current = entry.newer
        }
        if shard.recency.newest != previous { faults.append("a recency list that does not end at its newest") }
        if listed != entries { faults.append("\(listed) entries on the recency list, \(entries) in the table") }
    }
}
