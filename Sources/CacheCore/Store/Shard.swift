/// A part of the store: the entries whose hashes begin with the same bits, by key, in the order in which they are to leave, and
/// by their expiry; and the memory that they are in.
///
/// It is read under the read lock of its ``ShardGuard``, and changed under the write lock alone.
struct Shard: ~Copyable {
    let slab: Slab
    var table: EntryTable
    var order: EvictionOrder<Entry>
    var timers: TimerWheel
    private(set) var tags = TagIndex()
    private(set) var notes = LoadNotes()
    var leases: LeaseTable
    /// nil while nothing is restored.
    var changes: ChangedKeys?

    init(
        shardBits: Int, index: Int, now: Int64, slab: Slab, order: consuming EvictionOrder<Entry>, leases: LeaseTable
    ) {
        self.leases = leases
        self.slab = slab
        table = EntryTable(shardBits: shardBits, shard: index, slab: slab)
        self.order = order
        timers = TimerWheel(now: now, slab: slab)
    }

    deinit {
        if slab.state.pointee.externalBytes > 0 { table.visitAll { $0.external?.release() } }
        slab.destroy()
    }

    /// Bytes that the shard takes.
    var footprint: Int {
        slab.footprint + table.footprint + order.footprint + TimerWheel.footprint + tags.footprint + notes.footprint
            + leases.footprint
    }

    /// Puts the uses since the last time in order. Every writer begins with it: only then may entries be moved and removed, and
    /// it is known which is to leave.
    ///
    /// - Parameter isOrdering: Whether the order is told of them, not the observers alone.
    mutating func settle(_ uses: borrowing UseRings, isOrdering: Bool, observers: TrafficObservers) {
        if !uses.isEmpty {
            let keepsRank = slab.geometry.rankCount > 0
            if isOrdering, order.movesWhatIsUsed { uses.forEachSlot { Entry(slab: slab, slot: $0).fetchNeighbours() } }
            uses.takeAll { slot, word in
                guard slot != UseRing.miss else { return observers.miss(word) }
                let entry = Entry(slab: slab, slot: slot)
                if keepsRank {
                    let use = RankedUse(word: word)
                    entry.rank = use.rank
                    order.use(entry, hash: 0)
                    if use.isSampled { observers.hit(entry.hash, entry) }
                } else {
                    if isOrdering { order.use(entry, hash: word) }
                    observers.hit(word, entry)
                }
            }
        }
        if let selector = observers.selector {
            if selector.rules != order.rules { order.become(selector.rules, windowShare: selector.windowShare) }
            order.followWindow(share: selector.windowShare)
        }
    }

    /// How many bytes that are not in pages an entry takes, at most, for its tags and what else is known of it.
    func bytesOfNotes(of prepared: PreparedEntry) -> Int {
        (prepared.tags.map { TagIndex.footprint(of: $0) } ?? 0)
            + (prepared.note == nil ? 0 : notes.growth(validator: prepared.validator, for: prepared.hash))
    }

    /// Puts in an entry whose key is not there, and for which the table has room (``EntryTable/hasRoom``) and the slab has pages enough
    /// (``Slab/takePages(for:)``).
    mutating func insert(_ prepared: PreparedEntry, layout: EntryLayout) {
        let entry = Entry.make(prepared, layout: layout, in: slab)
        slab.state.pointee.externalBytes += layout.externalBytes
        let isIn = table.insert(entry, hash: prepared.hash)
        precondition(isIn, "an entry was put into a table without room")
        order.insert(entry, hash: prepared.hash)
        if let tags = prepared.tags { self.tags.add(tags, to: prepared.hash) }
        if let note = prepared.note { notes.put(note, validator: prepared.validator, for: prepared.hash) }
        noteExpiry(of: entry)
    }

    /// Puts a value in the place of the one that `entry` has, which has the same key; the slab has pages enough.
    ///
    /// - Parameter isUse: Whether that is a use of the key; it is not if it was noted before.
    /// - Returns: The block that the old value stood in, if it did, whose reference passes to the caller.
    mutating func replace(_ entry: Entry, with prepared: PreparedEntry, layout: EntryLayout, isUse: Bool) -> ValueBlock?
    {
        let old = entry.layout
        slab.state.pointee.externalBytes += layout.externalBytes - old.externalBytes
        if entry.isAnnotated {
            tags.remove(prepared.hash)
            if prepared.note == nil { notes.remove(prepared.hash) }
        }
        if let tags = prepared.tags { self.tags.add(tags, to: prepared.hash) }
        if let note = prepared.note { notes.put(note, validator: prepared.validator, for: prepared.hash) }
        var block: ValueBlock?
        var replaced = entry
        if old.hasSameSlots(as: layout) {
            block = entry.overwrite(with: prepared, layout: layout)
        } else {
            replaced = Entry.make(prepared, layout: layout, in: slab)
            table.relocate(entry, to: replaced, hash: prepared.hash)
            order.relocate(entry, to: replaced)
            block = free(entry)
        }
        if isUse { order.use(replaced, hash: prepared.hash) }
        noteExpiry(of: replaced)
        return block
    }

    /// Lets an entry expire at another time.
    mutating func expire(_ entry: Entry, at expiresAt: Int64) {
        entry.setExpiry(expiresAt)
        noteExpiry(of: entry)
    }

    /// Lets an entry be fresh again, which was stored at another time: what it was put with is what it would be put with now.
    mutating func renew(
        _ entry: Entry, hash: UInt64, storedAt: Int64, expiresAt: Int64, note: LoadNote, validator: [UInt8]?
    ) {
        notes.put(note, validator: validator, for: hash)
        entry.setAnnotated()
        entry.setStored(StoredTime(storedAt))
        expire(entry, at: expiresAt)
    }

    /// Notes that an entry is past its expiry, if it is to be kept all the same at `now`.
    ///
    /// - Returns: When it is to go, and whether that it expired was seen before; nil if it is to go now.
    mutating func retain(_ entry: Entry, hash: UInt64, now: Int64) -> (until: Int64, wasStale: Bool)? {
        guard entry.isAnnotated, let kept = notes.retained(hash, expiresAt: entry.expiresAt, now: now) else {
            return nil
        }
        if !kept.isStale { notes.markStale(hash) }
        return (kept.note.retainedUntil(entry.expiresAt), kept.isStale)
    }

    /// Whether an entry is kept past its expiry, which was counted.
    func isStale(_ entry: Entry, hash: UInt64) -> Bool { entry.isAnnotated && notes[hash]?.isStale == true }

    /// Takes an entry out.
    ///
    /// - Returns: The block that its value stood in, if it did, whose reference passes to the caller.
    mutating func remove(_ entry: Entry, hash: UInt64) -> ValueBlock? {
        table.remove(entry, hash: hash)
        order.remove(entry)
        if entry.isAnnotated {
            tags.remove(hash)
            notes.remove(hash)
        }
        let block = free(entry)
        if let block { slab.state.pointee.externalBytes -= block.mappedCount }
        return block
    }

    private mutating func free(_ entry: Entry) -> ValueBlock? {
        var emptied = Emptied()
        let block = entry.free { emptied.add($0) }
        emptied.visit {
            timers.cancel($0)
            slab.release($0)
        }
        return block
    }

    @inline(__always)
    private mutating func noteExpiry(of entry: Entry) {
        timers.note(expiry: entry.expiresAt, of: slab.page(of: entry.slot))
    }

    /// When a timer is to come upon an entry: at its expiry, and when it goes for good, if it is kept past that.
    private func due(_ entry: Entry, hash: UInt64) -> Int64 {
        guard entry.isAnnotated, let noted = notes[hash], noted.isStale else { return entry.expiresAt }
        return noted.note.retainedUntil(entry.expiresAt)
    }

    /// What became of an entry whose time to live was over.
    enum Expired {
        /// It was taken out; the block of its value, if it had one, and whether its expiry was seen before.
        case gone(ValueBlock?, wasStale: Bool)
        /// It is kept to be served stale.
        case stale
    }

    // MARK: Expiry

    /// Takes entries out that have expired, of the pages that are due.
    ///
    /// - Parameters:
    ///   - now: The time; never less than at an earlier call.
    ///   - budget: How many pages to look at most; fewer if many become free.
    ///   - expired: Told of each, once, and of those that are kept for some time again when they are taken out.
    /// - Returns: False if that was not all: call again to go on.
    mutating func expire(at now: Int64, budget: Int, _ expired: (Expired) -> Void) -> Bool {
        var budget = budget
        let end = TimerWheel.expired(at: now)
        var slots: [Slab.SlotID] = []
        let held = slab.state.pointee.heldPages
        while held - slab.state.pointee.heldPages < Self.mostPagesFreed {
            guard let page = timers.next(at: now, budget: &budget) else { return budget > 0 }
            var next = Int64.max
            slots.removeAll(keepingCapacity: true)
            slab.forEachSlot(of: page) { slot in
                let entry = Entry(slab: slab, slot: slot)
                guard entry.isHandedOut else { return }
                let expiry = entry.expiresAt
                guard expiry <= end else {
                    next = min(next, expiry)
                    return
                }
                if entry.isAnnotated, let kept = retain(entry, hash: entry.hash, now: end) {
                    next = min(next, kept.until)
                    if !kept.wasStale { expired(.stale) }
                } else {
                    slots.append(slot)
                }
            }
            timers.note(expiry: next, of: page)
            for slot in slots {
                let entry = Entry(slab: slab, slot: slot)
                let hash = entry.hash
                let wasStale = isStale(entry, hash: hash)
                expired(.gone(remove(entry, hash: hash), wasStale: wasStale))
            }
        }
        return false
    }

    /// How many pages expired entries may leave free before the lock is to be let go: large ones leave many behind.
    private static let mostPagesFreed = 256

    // MARK: Closing ranks

    /// Frees one page whose entries have room elsewhere, if there is one.
    ///
    /// - Returns: False if there is none.
    /// - Complexity: O(1), for as many entries as a page has.
    mutating func spareAPage() -> Bool {
        guard let classIndex = slab.classWithSparePage, let page = slab.withdrawEmptiest(classIndex) else {
            return false
        }
        let slotSize = slab.state.pointee.classes[classIndex].slotSize
        if classIndex == slab.geometry.pieceClass {
            slab.forEachSlot(of: page) { slot in
                guard Entry.isPieceHandedOut(slot, in: slab) else { return }
                Entry.movePiece(slot, to: slab.take(classIndex), slotSize: slotSize, in: slab)
                slab.vacate(slot)
            }
        } else {
            slab.forEachSlot(of: page) { slot in
                let entry = Entry(slab: slab, slot: slot)
                guard entry.isHandedOut else { return }
                let hash = entry.hash
                let moved = entry.move(to: slab.take(classIndex), slotSize: slotSize)
                table.relocate(entry, to: moved, hash: hash)
                order.relocate(entry, to: moved)
                timers.note(expiry: due(moved, hash: hash), of: slab.page(of: moved.slot))
                slab.vacate(slot)
            }
        }
        timers.cancel(page)
        slab.release(page)
        return true
    }
}

/// The pages that the freeing of one entry empties.
private struct Emptied {
    private var first: Slab.PageIndex = 0
    private var more: [Slab.PageIndex] = []

    mutating func add(_ page: Slab.PageIndex) {
        if first == 0 { first = page } else { more.append(page) }
    }

    func visit(_ body: (Slab.PageIndex) -> Void) {
        if first != 0 { body(first) }
        for page in more { body(page) }
    }
}
