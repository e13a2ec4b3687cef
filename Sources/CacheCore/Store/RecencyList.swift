/// A shard's entries in the order of their last uses: a doubly linked list through the entries.
///
/// - Complexity: O(1) for every operation.
struct RecencyList: ~Copyable {
    private(set) var newest: Entry?
    private(set) var oldest: Entry?

    /// Puts an entry that is not on the list at its new end.
    mutating func append(_ entry: Entry) {
        entry.older = newest
        entry.newer = nil
        newest?.newer = entry
        newest = entry
        if oldest == nil { oldest = entry }
    }

    /// Takes an entry that is on the list off it.
    mutating func remove(_ entry: Entry) {
        if let newer = entry.newer { newer.older = entry.older } else { newest = entry.older }
        if let older = entry.older { older.newer = entry.newer } else { oldest = entry.newer }
        entry.newer = nil
        entry.older = nil
    }

    /// Moves an entry that is on the list to its new end.
    mutating func moveToNewest(_ entry: Entry) {
        guard newest != entry else { return }
        remove(entry)
        append(entry)
    }
}
