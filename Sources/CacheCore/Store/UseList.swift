internal import Synchronization

/// The entries of a shard that were read since they were last put in order: a stack without locks.
///
/// A reader that finds an entry stores the rank of the use in it, and pushes it here if it is not here already. A
/// writer takes all of them, sorts them by rank and moves them to the new end of the recency order. So a hit never
/// needs the write lock, and the order that an eviction sees is still exact.
///
/// Invariants: entries are pushed under the shard's read lock and taken under its write lock, so the two never meet, and
/// there is no pop that a push could race with (no ABA). An entry is on the list exactly while its `nextUsed` is not 0.
/// Every removal takes the list first, so an entry on it is never freed.
struct UseList: ~Copyable {
    /// Bits of the entry on top; `end` when the list is empty. Never 0, which says "not on the list" in an entry.
    private let top = Atomic<UInt>(Self.end)

    private static var end: UInt { 1 }

    /// Notes that `entry` was used, the use having this rank.
    ///
    /// - Complexity: One store if the entry is on the list already, else two atomic exchanges.
    @inline(__always)
    borrowing func note(_ entry: Entry, rank: Int64) {
        entry.lastUse = rank
        if entry.nextUsed == 0 { push(entry) }
    }

    private borrowing func push(_ entry: Entry) {
        guard entry.claimNextUsed(Self.end) else { return }
        var expected = top.load(ordering: .relaxed)
        while true {
            entry.nextUsed = expected
            // Relaxed: the lock orders what happens here before what the writer does.
            let (exchanged, original) = top.weakCompareExchange(
                expected: expected, desired: entry.bits, ordering: .relaxed)
            if exchanged { return }
            expected = original
        }
    }

    @inline(__always)
    var isEmpty: Bool { top.load(ordering: .relaxed) == Self.end }

    /// Takes all entries off the list, the oldest use first.
    ///
    /// - Complexity: O(*n* log *n*) for *n* entries used since the last time.
    borrowing func takeAll() -> [Entry] {
        var entries: [Entry] = []
        var bits = top.exchange(Self.end, ordering: .relaxed)
        while bits != Self.end, let entry = Entry(bits: bits) {
            bits = entry.nextUsed
            entry.nextUsed = 0
            entries.append(entry)
        }
        // The stack gives the last first use first: reversed, it is nearly sorted already.
        entries.reverse()
        entries.sort { $0.lastUse < $1.lastUse }
        return entries
    }
}
