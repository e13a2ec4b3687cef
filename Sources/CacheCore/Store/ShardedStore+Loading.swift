internal import Synchronization

/// What who loads missing values asks of the store: leases, and values that are kept past their expiry.
extension ShardedStore {
    /// Looks at a key for a client that fills what is missing: a miss grants it the lease, if nobody has it. Counts a hit or a miss; a value
    /// that comes in between is found, and the miss stays counted.
    ///
    /// - Parameter duration: How long the lease is for, in nanoseconds.
    /// - Throws: ``CacheError/Code/insufficientStorage`` if there is no room for a lease.
    /// - Complexity: O(1) expected. A hit is what it is for ``lookup(_:_:)``.
    func takeLease(_ key: UnsafeRawBufferPointer, for duration: Int64) throws(CacheError) -> LeaseOutcome {
        let found: Found? = lookup(
            key, found: { entry, _, _ in .fresh(CachedValue(of: entry)) },
            stale: { entry, _ in .stale(CachedValue(of: entry)) })
        var stale: CachedValue?
        switch consume found {
        case .fresh(let value): return .hit(value)
        case .stale(let value): stale = consume value
        case nil: stale = nil
        }
        let hash = hasher.hash(key)
        let token = LeaseToken()
        var live: CachedValue?
        let answer = try withRoomForLease(of: key) { (shard, room) in
            let now = clock.now()
            // Another may have filled it meanwhile.
            if let entry = self.live(key, hash: hash, in: shard, now: now) {
                live = CachedValue(of: entry)
                return .found
            }
            if let held = shard.leases.held(hash, now: now) {
                // The program's own have no end, and are over soon.
                return .taken(held.endsAt == .max ? 1_000_000_000 : held.endsAt - now)
            }
            let (end, overflow) = now.addingReportingOverflow(duration)
            let held = LeaseTable.Held(token: token, key: Array(key), endsAt: overflow ? .max : end)
            return grant(held, hash: hash, in: &shard, &room, now: now) ? .granted : .lacksRoom
        }
        switch answer {
        case .granted:
            count(.leasesGranted)
            return .miss(LeaseMiss(answer: .granted(token), stale: stale.take()))
        case .taken(let left): return .miss(LeaseMiss(answer: .taken(retryAfter: left), stale: stale.take()))
        case .found, .lacksRoom: return .hit(live.take()!)
        }
    }

    /// The lease of a key for the cache's own program, which goes before a client's: who had one loses it. The key may be there, to be
    /// loaded ahead of its expiry.
    ///
    /// - Returns: The lease, and what the origin calls the value that is there.
    /// - Throws: ``CacheError/Code/insufficientStorage`` if there is no room for a lease.
    func beginLoad(_ key: UnsafeRawBufferPointer) throws(CacheError) -> (lease: Lease, validator: [UInt8]?) {
        let hash = hasher.hash(key)
        let token = LeaseToken()
        var validator: [UInt8]?
        _ = try withRoomForLease(of: key) { (shard, room) in
            validator =
                shard.table.find(key, hash: hash).flatMap { entry in
                    entry.isAnnotated ? shard.notes.validator(hash) : nil
                }
            // How long a load takes is for who loads to bound.
            let held = LeaseTable.Held(token: token, key: Array(key), endsAt: .max)
            return grant(held, hash: hash, in: &shard, &room, now: clock.now()) ? .granted : .lacksRoom
        }
        return (Lease(token: token, isOwn: true), validator)
    }

    /// Gives a lease back without filling the key.
    func endLease(_ lease: Lease, of key: UnsafeRawBufferPointer) {
        let hash = hasher.hash(key)
        withShard(shardIndex(hash)) { shard in
            if holds(lease, hash, in: shard) { revokeLease(of: hash, in: &shard) }
        }
    }

    /// Finds what who loads missing values wants to know, notes the use, and counts a hit or a miss.
    ///
    /// - Complexity: As of ``lookup(_:_:)``, and a look at the notes for an entry that has one.
    func lookupForLoading(_ key: UnsafeRawBufferPointer) -> LoadingLookup {
        let found: LoadingLookup? = lookup(
            key,
            found: { entry, shard, hash in
                .fresh(CachedValue(of: entry), entry.isAnnotated ? shard.pointee.notes[hash]?.note : nil)
            },
            stale: { entry, note in .stale(CachedValue(of: entry), note) })
        switch consume found {
        case nil: return .absent
        case .some(let lookup): return lookup
        }
    }

    /// What ``lookupForLoading(_:)`` finds, without a use or a count.
    func peekForLoading(_ key: UnsafeRawBufferPointer) -> LoadingLookup {
        let hash = hasher.hash(key)
        let now = clock.now()
        let index = shardIndex(hash)
        let stripe = guards[index].lock.lockForReading()
        defer { guards[index].lock.unlockAfterReading(stripe) }
        guard let entry = shards[index].table.find(key, hash: hash) else { return .absent }
        let noted = entry.isAnnotated ? shards[index].notes[hash] : nil
        if entry.expiresAt > now { return .fresh(CachedValue(of: entry), noted?.note) }
        guard let note = noted?.note, note.retainedUntil(entry.expiresAt) > now else { return .absent }
        return .stale(CachedValue(of: entry), note)
    }

    /// Whether a lease of a key is held still.
    func holds(_ lease: Lease, of key: UnsafeRawBufferPointer) -> Bool {
        let hash = hasher.hash(key)
        return withShard(shardIndex(hash)) { holds(lease, hash, in: $0) }
    }

    /// Lets the value that is there be fresh again, which its origin said has not changed.
    ///
    /// - Returns: Whether the lease was still held, and the value is there.
    func renew(
        _ key: UnsafeRawBufferPointer, lifetime: Int64?, note: LoadNote, validator: [UInt8]?, filling lease: Lease
    ) -> Bool {
        let hash = hasher.hash(key)
        var room = Ledger.Room()
        defer { ledger.release(&room) }
        let validator = validator.flatMap { $0.count <= LoadNotes.mostValidatorBytes ? $0 : nil }
        return withShard(shardIndex(hash)) { shard in
            guard holds(lease, hash, in: shard) else { return false }
            return renew(key, hash: hash, lifetime: lifetime, note: note, validator: validator, in: &shard, &room)
        }
    }

    /// Notes that the origin has nothing under a key, until the key is changed or the time is over. A value that is there expires at once, and
    /// goes: that takes no memory. It is a change of the key, with which the lease ends.
    ///
    /// - Parameter lifetime: For how long, in nanoseconds; nil for not to be noted.
    /// - Returns: False if the lease was lost: nothing was noted.
    func noteAbsence(of key: UnsafeRawBufferPointer, lifetime: Int64?, filling lease: Lease) -> Bool {
        let hash = hasher.hash(key)
        let now = clock.now()
        var expired: Removed?
        let isNoted = withShard(shardIndex(hash)) { shard in
            guard holds(lease, hash, in: shard) else { return false }
            if let entry = shard.table.find(key, hash: hash) {
                observers.delete(hash)
                expired = remove(entry, hash: hash, from: &shard)
            }
            // Whether there was a value or not: nothing that is restored may come behind it.
            noteChange(of: key, hash: hash, in: &shard)
            // Behind the change, which forgets what was noted.
            if let lifetime, let absences = absences.load() {
                absences.note(key, lifetime: lifetime)
                hasAbsences.store(true, ordering: .relaxed)
            }
            return true
        }
        if let expired { _ = discard(expired, as: .expirations, now: now) }
        return isNoted
    }

    // MARK: Under the lock

    /// Lets the value that is there be fresh again.
    ///
    /// - Returns: Whether there is one, and room for what is to be known of it: what was known before makes room for as much.
    private func renew(
        _ key: UnsafeRawBufferPointer, hash: UInt64, lifetime: Int64?, note: LoadNote, validator: [UInt8]?,
        in shard: inout Shard, _ room: inout Ledger.Room
    ) -> Bool {
        let (now, rank) = clock.reading()
        guard let entry = shard.table.find(key, hash: hash) else { return false }
        if entry.expiresAt <= now {
            guard let kept = shard.retain(entry, hash: hash, now: now) else { return false }
            if !kept.wasStale { count(.expirations) }
        }
        guard ledger.enlarge(&room, toEntries: 0, bytes: shard.notes.growth(validator: validator, for: hash)) else {
            return false
        }
        let bytes = shard.footprint
        shard.renew(
            entry, hash: hash, storedAt: now, expiresAt: Self.expiry(after: lifetime, from: now), note: note,
            validator: validator)
        room.fill(entries: 0, bytes: shard.footprint - bytes)
        entry.rank = rank
        if ordersUses.load(ordering: .relaxed) { shard.order.use(entry, hash: hash) }
        observers.touch(hash, entry)
        noteChange(of: key, hash: hash, in: &shard)
        return true
    }

    /// Whether a lease of a key is held still. Under the write lock, because the table is changed by then.
    func holds(_ lease: Lease, _ hash: UInt64, in shard: borrowing Shard) -> Bool {
        shard.leases.held(hash, now: clock.now())?.token == lease.token
    }

    /// Takes the lease of a key away, which is being changed.
    @inline(__always)
    func revokeLease(of hash: UInt64, in shard: inout Shard) {
        guard !shard.leases.isEmpty else { return }
        changeLeases(of: &shard) { $0.remove(hash) }
    }

    /// Takes the leases away of all keys that begin with `prefix`, in the cache or not.
    func revokeLeases(prefix: UnsafeRawBufferPointer, sparing spared: Lease? = nil, in shard: inout Shard) {
        guard !shard.leases.isEmpty else { return }
        changeLeases(of: &shard) { $0.removeAll(prefix: prefix, sparing: spared?.token) }
    }

    private func changeLeases(of shard: inout Shard, _ body: (inout LeaseTable) -> Void) {
        let bytes = shard.leases.footprint
        body(&shard.leases)
        var room = Ledger.Room(entries: 0, bytes: bytes - shard.leases.footprint)
        ledger.release(&room)
    }

    private enum Found: ~Copyable {
        case fresh(CachedValue)
        case stale(CachedValue)
    }

    private enum Grant {
        case granted
        case taken(Int64)
        case found
        case lacksRoom
    }

    /// Puts a lease in if there is room for it.
    private func grant(
        _ held: LeaseTable.Held, hash: UInt64, in shard: inout Shard, _ room: inout Ledger.Room, now: Int64
    ) -> Bool {
        changeLeases(of: &shard) { $0.makePlace(keyCount: held.key.count, now: now) }
        guard ledger.enlarge(&room, toEntries: 0, bytes: shard.leases.growth(keyCount: held.key.count)) else {
            return false
        }
        let bytes = shard.leases.footprint
        shard.leases.put(held, for: hash)
        room.fill(entries: 0, bytes: shard.leases.footprint - bytes)
        return true
    }

    /// Calls `body` under the write lock of a key's shard, again while it lacks room for a lease, and makes room between.
    private func withRoomForLease(
        of key: UnsafeRawBufferPointer, _ body: (inout Shard, inout Ledger.Room) -> Grant
    ) throws(CacheError) -> Grant {
        try Self.validate(key: key)
        // One that never fits is to cost no entry.
        let footprint = LeaseTable.footprint(keyCount: key.count)
        if let memoryLimit, footprint > memoryLimit - emptyFootprint {
            throw CacheError(
                .insufficientStorage,
                "a lease of the key takes \(footprint) bytes; the cache may hold \(memoryLimit - emptyFootprint) in all"
            )
        }
        let index = shardIndex(hasher.hash(key))
        var room = Ledger.Room()
        defer { ledger.release(&room) }
        for _ in 0..<Self.mostAttempts {
            var needed = 0
            let grant = withShard(index) { shard in
                let grant = body(&shard, &room)
                needed = shard.leases.growth(keyCount: key.count)
                return grant
            }
            if case .lacksRoom = grant {
                makeRoom(&room, for: index, RoomNeed(bytes: needed), now: clock.now())
            } else {
                return grant
            }
        }
        throw CacheError(.insufficientStorage, "there is no memory for a lease of a key of \(key.count) bytes")
    }

    /// How often room is made for a lease: each time an entry goes, and sometimes a page with it.
    private static var mostAttempts: Int { 1024 }
}

/// What ``ProductionCache/lookupForLoading(_:)`` found.
package enum LoadingLookup: ~Copyable {
    /// A live value, and what is known of its load.
    case fresh(CachedValue, LoadNote?)
    /// One that is kept past its expiry.
    case stale(CachedValue, LoadNote)
    case absent

    /// The value, live or not; nil if there is none.
    package consuming func value() -> CachedValue? {
        switch consume self {
        case .fresh(let value, _): value
        case .stale(let value, _): value
        case .absent: nil
        }
    }
}
