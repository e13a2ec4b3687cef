/// A part of the store: the entries whose hashes begin with the same bits, by key, in the order of their uses, and by their
/// expiry.
///
/// It is read under the read lock of its ``ShardGuard``, and changed under the write lock alone.
struct Shard: ~Copyable {
    var table: EntryTable
    var recency = RecencyList()
    var timers: TimerWheel

    init(shardBits: Int, index: Int, now: Int64) {
        table = EntryTable(shardBits: shardBits, shard: index)
        timers = TimerWheel(now: now)
    }

    /// Bytes that the shard takes beside its entries.
    var footprint: Int { table.footprint + TimerWheel.footprint }

    /// Puts the uses since the last time in order. Every writer begins with it: only then may entries be removed, and
    /// the oldest is known.
    mutating func settle(_ uses: borrowing UseList) {
        guard !uses.isEmpty else { return }
        for entry in uses.takeAll() { recency.moveToNewest(entry) }
    }

    /// Puts in an entry whose key is not there.
    ///
    /// - Returns: False, with nothing changed, if the table must grow first.
    mutating func insert(_ entry: Entry) -> Bool {
        guard table.insert(entry) else { return false }
        recency.append(entry)
        timers.schedule(entry)
        return true
    }

    /// Notes a use of an entry by a writer.
    mutating func use(_ entry: Entry, rank: Int64) {
        entry.lastUse = rank
        recency.moveToNewest(entry)
    }

    /// Puts `new` in the place of `old`, which has the same key; the caller takes over the table's reference to `old`.
    mutating func replace(_ old: Entry, with new: Entry) {
        table.replace(old, with: new)
        recency.remove(old)
        recency.append(new)
        timers.cancel(old)
        timers.schedule(new)
    }

    /// Takes an entry out; the caller takes over the table's reference to it.
    mutating func remove(_ entry: Entry) {
        table.remove(entry)
        recency.remove(entry)
        timers.cancel(entry)
    }
}
