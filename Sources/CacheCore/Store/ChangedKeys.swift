internal import Synchronization

/// What was changed in a shard since the restoring of a snapshot began: of that nothing older may come back, be it that the change was a
/// delete, or that its entry is gone by now.
///
/// Under the shard's lock, as all of the shard. It is there only while something is restored, and is not counted as the store's memory;
/// its size is bounded, all the same: of what changes beyond that, everything counts as changed.
struct ChangedKeys {
    private var hashes: Set<UInt64> = []
    /// Of what was removed: the keys that begin so, and of them, where a tag is named, those that have it.
    private var removals: [(prefix: [UInt8], tag: [UInt8]?)] = []
    private var isEverything = false
    private let mostHashes: Int
    /// How many restore something.
    var users = 1

    private static let mostRemovals = 64

    init(mostHashes: Int) { self.mostHashes = mostHashes }

    mutating func add(_ hash: UInt64) {
        guard !isEverything else { return }
        hashes.insert(hash)
        if hashes.count > mostHashes { giveUp() }
    }

    /// All keys that begin with `prefix` were removed, or of them those that have a tag.
    mutating func add(prefix: UnsafeRawBufferPointer, tag: [UInt8]?) {
        guard !isEverything else { return }
        removals.append((Array(prefix), tag))
        if removals.count > Self.mostRemovals || prefix.isEmpty && tag == nil { giveUp() }
    }

    private mutating func giveUp() {
        isEverything = true
        hashes = []
        removals = []
    }

    func contains(_ entry: PreparedEntry) -> Bool {
        if isEverything || hashes.contains(entry.hash) { return true }
        return removals.contains { removal in
            guard entry.block.key.starts(with: removal.prefix) else { return false }
            guard let tag = removal.tag else { return true }
            return entry.tags?.names.contains(tag) == true
        }
    }
}

extension ShardedStore {
    /// Has what is changed be noted from now on, until ``endRestore()``: what is restored comes before it.
    func beginRestore() {
        for index in 0..<shardCount {
            withShard(index) { shard in
                guard shard.changes == nil else {
                    shard.changes!.users += 1
                    return
                }
                shard.changes = ChangedKeys(mostHashes: max(1024, Self.mostChanges / shardCount))
                shard.order.favoursLatest = true
            }
        }
    }

    func endRestore() {
        for index in 0..<shardCount {
            withShard(index) { shard in
                shard.changes?.users -= 1
                if shard.changes?.users == 0 {
                    shard.changes = nil
                    shard.order.favoursLatest = false
                }
            }
        }
    }

    /// How many changed keys are known one by one, in all shards.
    private static var mostChanges: Int { 1 << 20 }

    /// Notes that a key is being changed: nothing that began before may undo that, and nothing that was known of it before holds.
    ///
    /// - Parameter isRestored: Whether what it becomes comes from before all changes.
    @inline(__always)
    func noteChange(of key: UnsafeRawBufferPointer, hash: UInt64, in shard: inout Shard, isRestored: Bool = false) {
        if hasAbsences.load(ordering: .relaxed) { absences.load()?.forget(key) }
        guard !isRestored else { return }
        revokeLease(of: hash, in: &shard)
        shard.changes?.add(hash)
    }

    /// Notes that all keys that begin with `prefix` are being removed, or of them those that have a tag, in the cache or not.
    ///
    /// - Parameter spared: The lease of who removes them.
    func noteRemoval(
        prefix: UnsafeRawBufferPointer, tag: [UInt8]? = nil, sparing spared: Lease? = nil, in shard: inout Shard
    ) {
        revokeLeases(prefix: prefix, sparing: spared, in: &shard)
        shard.changes?.add(prefix: prefix, tag: tag)
    }
}
