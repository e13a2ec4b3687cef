@testable import CacheCore

/// What a store that no thread uses holds, and what is wrong with it: where its parts do not say the same of that.
///
/// It knows nothing of a test library: fuzzing goes over stores with it too.
struct StoreAudit {
    var entries = 0
    var bytes = 0
    var faults: [String] = []

    init(of store: ShardedStore) {
        // The cache's own thread may let expired entries go meanwhile: shards seen before and after that don't add up.
        var held: [Int]
        repeat {
            held = [store.ledger.entries, store.ledger.bytes]
            self = StoreAudit(shardByShard: store)
        } while held != [store.ledger.entries, store.ledger.bytes]
    }

    private init(shardByShard store: ShardedStore) {
        for index in 0..<store.shardCount {
            let outcome = store.withShard(index) { shard in ShardAudit(of: &shard, index: index, in: store) }
            if !store.guards[index].uses.isEmpty { faults.append("uses that were not settled") }
            faults += outcome.faults
            entries += outcome.entries
            bytes += outcome.bytes
        }
        bytes += store.observers.footprint
        bytes += store.guardsFootprint
        if store.ledger.entries != entries {
            faults.append("the ledger has \(store.ledger.entries) entries of \(entries)")
        }
        if store.ledger.bytes != bytes { faults.append("the ledger has \(store.ledger.bytes) bytes of \(bytes)") }
        if let capacity = store.capacity, entries > capacity { faults.append("\(entries) entries, over the capacity") }
        if let limit = store.memoryLimit, bytes > limit { faults.append("\(bytes) bytes, over the limit") }
    }
}

/// What one shard holds, and what is wrong with it.
private struct ShardAudit {
    var entries = 0
    var bytes = 0
    var faults: [String] = []

    init(of shard: inout Shard, index: Int, in store: ShardedStore) {
        bytes = shard.footprint
        var last: UInt64 = 0
        var external = 0
        var tagged = 0
        var noted = 0
        var stale = 0
        var slots: [Int: Int] = [:]
        let slab = shard.slab
        _ = shard.table.scan(from: 0, limit: .max / 2) { entry in
            entries += 1
            let hash = entry.hash
            // The table knows the order by what it keeps of a hash.
            if hash >> 32 < last { faults.append("the hashes fall at \(hash)") }
            last = hash >> 32
            if store.shardIndex(hash) != index { faults.append("an entry of another shard") }
            if shard.table.find(entry.key, hash: hash) != entry { faults.append("an entry that is not found") }
            if !entry.isHandedOut { faults.append("an entry in a slot that is not handed out") }
            let note = shard.notes[hash]
            let due = note?.isStale == true ? note!.note.retainedUntil(entry.expiresAt) : entry.expiresAt
            if slab.page(slab.page(of: entry.slot)).pointee.due > due {
                faults.append("an entry that expires at \(entry.expiresAt), before its page is due")
            }
            slots[entry.layout.classIndex, default: 0] += 1
            slots[slab.geometry.pieceClass, default: 0] += entry.layout.pieceCount
            external += entry.layout.externalBytes
            if shard.tags.tags(of: hash) != nil { tagged += 1 }
            if note != nil { noted += 1 }
            if note?.isStale == true { stale += 1 }
            if !entry.isAnnotated, note != nil || shard.tags.tags(of: hash) != nil {
                faults.append("an entry that does not know of its tags or note")
            }
            return true
        }
        if shard.tags.taggedCount != tagged { faults.append("\(shard.tags.taggedCount) with tags, not \(tagged)") }
        if shard.notes.count != noted { faults.append("\(shard.notes.count) notes, not \(noted)") }
        if (shard.notes.firstStale == nil) != (stale == 0) { faults.append("a list of stale entries, or none") }
        if shard.notes.staleCount != stale { faults.append("\(shard.notes.staleCount) stale, not \(stale)") }
        checkSlots(of: slab, expected: slots)
        if slab.state.pointee.externalBytes != external { faults.append("the bytes of blocks outside") }
        if shard.table.count != entries { faults.append("a count of \(shard.table.count) for \(entries) entries") }
        checkOrder(of: shard)
    }

    /// That as many slots are handed out as entries have, and that the slab's counts are those of its pages.
    private mutating func checkSlots(of slab: Slab, expected: [Int: Int]) {
        let state = slab.state
        var used: [Int: Int] = [:]
        var free: [Int: Int] = [:]
        var pages = 0
        for index in 1..<state.pointee.placesUsed where state.pointee.bases[index] != nil {
            pages += 1
            let page = slab.page(UInt32(index)).pointee
            let classIndex = Int(page.classIndex)
            used[classIndex, default: 0] += Int(page.used)
            free[classIndex, default: 0] += state.pointee.classes[classIndex].slotsPerPage - Int(page.used)
            if page.used == 0 { faults.append("a page that holds nothing") }
            if (page.timerBucket == TimerWheel.noBucket) != (page.due == .max) {
                faults.append("a page that is due at \(page.due) in bucket \(page.timerBucket)")
            }
        }
        if pages != state.pointee.heldPages { faults.append("\(pages) pages, of \(state.pointee.heldPages)") }
        var freeBytes = 0
        for classIndex in 0..<slab.geometry.classCount {
            if used[classIndex, default: 0] != expected[classIndex, default: 0] {
                faults.append("\(used[classIndex, default: 0]) slots of class \(classIndex) handed out")
            }
            if free[classIndex, default: 0] != state.pointee.classes[classIndex].freeSlots {
                faults.append("\(free[classIndex, default: 0]) free slots of class \(classIndex)")
            }
            freeBytes += free[classIndex, default: 0] * state.pointee.classes[classIndex].slotSize
        }
        if freeBytes != state.pointee.freeBytes { faults.append("\(freeBytes) free bytes") }
    }

    private mutating func checkOrder(of shard: borrowing Shard) {
        let listed =
            check(shard.order.first, .first) + check(shard.order.second, .second) + check(shard.order.third, .third)
        if listed != entries { faults.append("\(listed) entries in the eviction order, \(entries) in the table") }
        if let hand = shard.order.hand, shard.table.find(hand.key, hash: hand.hash) != hand {
            faults.append("a hand at an entry that is not there")
        }
    }

    private mutating func check(_ list: borrowing EvictionList<Entry>, _ name: EvictionListName) -> Int {
        var listed = 0
        var previous: Entry?
        var current = list.oldest
        while let entry = current {
            listed += 1
            if entry.list != name { faults.append("an entry of list \(entry.list) on list \(name)") }
            if entry.older != previous { faults.append("a link of list \(name) that does not lead back") }
            previous = entry
            current = entry.newer
        }
        if list.newest != previous { faults.append("list \(name) does not end at its newest") }
        if listed != list.count { faults.append("\(listed) entries on list \(name), which counts \(list.count)") }
        return listed
    }
}
