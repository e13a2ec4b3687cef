internal import Threading

/// Where an entry is in a snapshot: those that were used or stored later come later.
struct EntryPlace: Comparable {
    let rank: Int64
    let hash: UInt64

    static func < (one: Self, other: Self) -> Bool { (one.rank, one.hash) < (other.rank, other.hash) }

    /// How many are sorted, or merged, in one piece of work: some milliseconds'.
    private static let pieceCount = 1 << 15

    /// The hashes of all, in the order of their places. It is done in pieces that give way: runs are sorted one by one, and then merged.
    ///
    /// - Complexity: O(*n* log *n*); it takes 24 bytes for each.
    static func hashesInOrder(_ places: consuming [Self], _ idle: borrowing IdlePriority) -> [UInt64] {
        var places = places
        var runs: [Run] = []
        for start in stride(from: 0, to: places.count, by: pieceCount) {
            let range = start..<min(start + pieceCount, places.count)
            idle.run { places[range].sort() }
            runs.append(Run(first: places[start], next: start + 1, end: range.upperBound))
        }
        var hashes: [UInt64] = []
        hashes.reserveCapacity(places.count)
        var heap = RunHeap(runs)
        while hashes.count < places.count {
            idle.run {
                for _ in 0..<min(pieceCount, places.count - hashes.count) { hashes.append(heap.takeFirst(places).hash) }
            }
        }
        return hashes
    }

    /// A sorted part of the places, from the first that has not been taken.
    fileprivate struct Run {
        var first: EntryPlace
        var next: Int
        let end: Int
    }
}

/// The runs that are not empty, as a binary heap of their first places.
private struct RunHeap {
    private var runs: [EntryPlace.Run]

    /// - Parameter runs: None of them empty.
    init(_ runs: [EntryPlace.Run]) {
        // What is sorted is a heap.
        self.runs = runs.sorted { $0.first < $1.first }
    }

    /// The first of all places; there must be one.
    mutating func takeFirst(_ places: [EntryPlace]) -> EntryPlace {
        let first = runs[0].first
        if runs[0].next < runs[0].end {
            runs[0].first = places[runs[0].next]
            runs[0].next += 1
        } else {
            runs.swapAt(0, runs.count - 1)
            runs.removeLast()
        }
        sink()
        return first
    }

    /// Lets the run at the top sink to where it belongs.
    private mutating func sink() {
        var place = 0
        while case let left = 2 * place + 1, left < runs.count {
            let right = left + 1
            let least = right < runs.count && runs[right].first < runs[left].first ? right : left
            guard runs[least].first < runs[place].first else { return }
            runs.swapAt(least, place)
            place = least
        }
    }
}

extension ShardedStore {
    /// The hashes of all live entries, the least recently used first, as ``SnapshotFormat`` has it; nil if there are more than `most`.
    func hashesByUse(atMost most: Int, _ idle: borrowing IdlePriority) -> [UInt64]? {
        guard ledger.entries <= most else { return nil }
        var found: [EntryPlace] = []
        found.reserveCapacity(ledger.entries)
        let isRanked = policy == .lru
        if isRanked {
            // Uses that were marked get their places.
            for index in 0..<shardCount { withShard(index) { _ in } }
        }
        var next: UInt64? = 0
        let noPrefix = UnsafeRawBufferPointer(start: nil, count: 0)
        while let start = next, found.count <= most {
            next = scan(prefix: noPrefix, from: start, limit: 4096, slots: 4096) { entry, _ in
                found.append(
                    EntryPlace(rank: isRanked ? entry.rank : Int64(entry.stored.tick), hash: entry.hash))
            }
            idle.pause()
        }
        guard next == nil else { return nil }
        return EntryPlace.hashesInOrder(found, idle)
    }

    /// The live entry with a hash, as it is exported; nil if it is gone.
    func export(hash: UInt64) -> ExportedEntry? {
        let index = shardIndex(hash)
        let stripe = guards[index].lock.lockForReading()
        defer { guards[index].lock.unlockAfterReading(stripe) }
        guard let entry = shards[index].table.find(hash: hash), entry.expiresAt > clock.now() else { return nil }
        return ExportedEntry(entry, shards[index].tags)
    }
}
