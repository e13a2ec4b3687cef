/// What who loads missing values does: leases, values that are kept past their expiry, and what origins have nothing of.
extension OperationRun {
    /// A lease that was taken, and may be over by now.
    struct TakenLease {
        let key: Int
        /// The model's: they are counted from 1.
        let number: Int
        let lease: Lease
    }

    /// A lease by when it was taken, the last first.
    func lease(_ place: Int) -> TakenLease? {
        taken.isEmpty ? nil : taken[taken.count - 1 - place % taken.count]
    }

    mutating func look(_ key: Int, counts: Bool) {
        guard configuration.usesNotes else { return }
        let live = counts ? model.get(key) : model.live(key)
        let stale = model.stale(key)
        switch counts ? cache.lookupForLoading(keys[key]) : cache.peekForLoading(keys[key]) {
        case .absent: expect(live == nil && stale == nil, "key \(key) was not found")
        case .fresh(let value, let note):
            guard let live else { fail("key \(key) was found") }
            compare(value, to: live, of: key)
            expect(
                note ?? LoadNote(), is: OperationNotes.note(retention: live.retention), "the note of key \(key)")
        case .stale(let value, let note):
            guard let stale else { fail("key \(key) was found stale") }
            compare(value, to: stale, of: key)
            expect(note, is: OperationNotes.note(retention: stale.retention), "the note of stale key \(key)")
        }
        checkLease(key)
    }

    private func compare(_ value: borrowing CachedValue, to expected: CacheModel.Held, of key: Int) {
        value.withUnsafeBytes { expect(expected.value.isText($0), "the value of key \(key) is another") }
    }

    mutating func takeLease(_ key: Int, for duration: Int64) throws {
        let live = model.get(key)
        let stale = model.stale(key)
        let evictions = counter(.evictions)
        let outcome: LeaseOutcome
        do throws(CacheError) {
            outcome = try cache.takeLease(keys[key], for: duration)
        } catch {
            return checkLeaseRefusal(error, of: key, since: evictions)
        }
        switch consume outcome {
        case .hit(let value):
            guard let live else { fail("key \(key) was found") }
            compare(value, to: live, of: key)
        case .miss(let miss):
            expect(live == nil, "key \(key) was not found")
            noteEvictions(Need(bytes: leaseBytes(key), leased: key))
            switch (miss.answer, model.takeLease(key, for: min(duration, Lease.mostDuration.nanoseconds))) {
            case (.granted(let token), .granted(let number)):
                // By its text, as a client has it.
                guard let lease = Array("\(token)".utf8).withUnsafeBytes({ LeaseToken($0) }).map({ Lease(token: $0) })
                else { fail("a lease's text is \(token)") }
                noteTaken(TakenLease(key: key, number: number, lease: lease))
            case (.taken(let left), .taken(let expected)): expect(left, is: expected, "how long the lease is taken")
            case (let answer, let expected): fail("the lease is \(answer), not \(expected)")
            }
            switch miss.takeStale() {
            case nil: expect(stale == nil, "no stale value was found")
            case .some(let value):
                guard let stale else { fail("a stale value was found") }
                compare(value, to: stale, of: key)
            }
        }
        checkLease(key)
    }

    mutating func beginLoad(_ key: Int) throws {
        let expected = OperationNotes.validatorBytes(model.held[key]?.validator)
        let evictions = counter(.evictions)
        do throws(CacheError) {
            let (lease, validator) = try cache.beginLoad(keys[key])
            noteEvictions(Need(bytes: leaseBytes(key), leased: key))
            // What expired may have gone, or had to go to make room.
            if entry(key) != nil, model.held[key] != nil {
                expect(validator, is: expected, "what the origin calls the value of key \(key)")
            }
            noteTaken(TakenLease(key: key, number: model.beginLoad(key), lease: lease))
        } catch {
            return checkLeaseRefusal(error, of: key, since: evictions)
        }
        checkLease(key)
    }

    private mutating func noteTaken(_ lease: TakenLease) {
        taken.append(lease)
        expect(taken.count, is: lease.number, "the leases that were taken")
    }

    private func leaseBytes(_ key: Int) -> Int { LeaseTable.footprint(keyCount: keys[key].count) }

    private func checkLeaseRefusal(_ error: CacheError, of key: Int, since evictions: Int) {
        guard error.code == .insufficientStorage, let limit = configuration.memoryLimit else { fail("\(error)") }
        expect(leaseBytes(key) > limit - cache.store.emptyFootprint, "a lease of key \(key) is refused: \(error)")
        expect(counter(.evictions), is: evictions, "evictions for a lease that never fits")
        checkLease(key)
    }

    /// - Parameter key: The key; nil for the lease's.
    mutating func fill(
        lease place: Int, of key: Int?, size: Int, lifetime: Int64?, _ notes: OperationNotes
    ) throws {
        guard let taken = lease(place) else { return }
        let key = key ?? taken.key
        let value = newValue(of: key, size: size)
        let replacements = counter(.replacements)
        guard let outcome = try write(key, value, lifetime: lifetime, notes, filling: taken.lease) else { return }
        let isFilled = outcome != .leaseLost
        if isFilled {
            expect(model.holds(key, taken.number), "the lease was held")
            notePut(key, value, lifetime: lifetime, notes, outcome, since: replacements)
        } else {
            // It may have had to go to make room for what was to be filled in.
            noteEvictions(Need(bytes: footprint(key, value) + notes.footprint))
            expect(!model.holds(key, taken.number), "the lease was lost")
        }
        if !taken.lease.isOwn { model.countFill(isFilled) }
        checkLease(key)
    }

    mutating func renew(lease place: Int, lifetime: Int64?, _ notes: OperationNotes) {
        guard let taken = lease(place) else { return }
        let (key, hash) = (taken.key, hashes[taken.key])
        let wasAlive = model.live(key) != nil
        let validator = notes.retention == 0 ? nil : notes.validator
        let validatorBytes = OperationNotes.validatorBytes(validator)
        // No room is made for what is to be known of it.
        let shard = cache.store.shards + cache.store.shardIndex(hash)
        let growth = shard.pointee.notes.growth(validator: validatorBytes, for: hash)
        let expected = model.renew(
            key, taken.number, lifetime: lifetime, retention: notes.retention, validator: validator,
            hasRoom: growth <= cache.store.ledger.freeBytes)
        let isRenewed = cache.renew(
            keys[key], lifetime: lifetime, note: OperationNotes.note(retention: notes.retention),
            validator: validatorBytes, filling: taken.lease)
        expect(isRenewed, is: expected, "key \(key) was renewed")
        if isRenewed, !wasAlive { renewals += 1 }
        if model.held[key] != nil { checkHeld(key) }
        checkLease(key)
    }

    mutating func noteAbsence(lease place: Int, lifetime: Int64?) throws {
        guard let taken = lease(place) else { return }
        try cache.beginNotingAbsences()
        notesAbsences = true
        let expected = model.noteAbsence(of: taken.key, taken.number, lifetime: lifetime)
        let isNoted = cache.noteAbsence(of: keys[taken.key], lifetime: lifetime, filling: taken.lease)
        expect(isNoted, is: expected, "the absence of key \(taken.key) was noted")
        checkLease(taken.key)
    }

    mutating func endLoad(lease place: Int) {
        guard let taken = lease(place) else { return }
        model.endLoad(taken.key, taken.number)
        cache.endLoad(taken.lease, of: keys[taken.key])
        checkLease(taken.key)
    }
}
