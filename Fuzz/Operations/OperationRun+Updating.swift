/// Writes that go by what is there.
extension OperationRun {
    mutating func increment(_ key: Int, by amount: Int64, initial: Int64, lifetime: Int64?) throws {
        let before = model.live(key)
        var start = initial
        if let before {
            guard case .integer(let integer) = before.value else {
                return expectRefusal(.notANumber) {
                    try cache.increment(keys.names[key], by: amount, initial: initial)
                }
            }
            start = integer
        }
        let (sum, overflows) = start.addingReportingOverflow(amount)
        let ttl = lifetime.map { Duration.nanoseconds($0) }
        guard !overflows else {
            return expectRefusal(.overflow) {
                try cache.increment(keys.names[key], by: amount, initial: initial, ttl: ttl)
            }
        }
        let replacements = counter(.replacements)
        let value = OperationValue.integer(sum)
        let got: Int64
        do throws(CacheError) {
            got = try cache.increment(keys.names[key], by: amount, initial: initial, ttl: ttl)
        } catch {
            // Where what has the key had to go for its own successor, that begins anew.
            if error.code == .overflow, before != nil, initial.addingReportingOverflow(amount).overflow {
                return noteVainWrite(of: key, value)
            }
            return checkRefusal(error, of: key, value)
        }
        if noteWrite(of: key, value, since: replacements) {
            expect(before != nil, "key \(key) was there to be added to")
            expect(got, is: sum, "the sum")
            model.update(key, value, lifetime: lifetime)
        } else {
            expect(got, is: initial &+ amount, "the first sum")
            _ = model.put(key, .integer(got), lifetime: lifetime ?? configuration.defaultLifetime)
        }
        checkHeld(key)
    }

    mutating func merge(
        _ key: Int, patch code: Int, lifetime: Int64?, _ condition: OperationCondition?
    ) throws {
        valueCount += 1
        let patch = OperationValue.patch(code, number: valueCount)
        let before = model.live(key)
        let value = (before?.value ?? .null).merged(with: patch)
        let asked = condition?.condition(digest: before?.value.digest ?? 0)
        let replacements = counter(.replacements)
        let outcome: ProductionCache.UpdateOutcome
        do throws(CacheError) {
            outcome = try cache.withParsed(patch.text) { (patch: borrowing JSONDocument) throws(CacheError) in
                try cache.merge(keys[key], patch, lifetime: lifetime, if: asked, limits: .ofStore)
            }
        } catch {
            return checkRefusal(error, of: key, value)
        }
        switch outcome {
        case .done(let text, let digest):
            expect(before != nil, "something was there to be patched")
            expect(condition?.isMet(isThere: true) != false, "the condition was met")
            expect(text, is: value.text, "what became of the value of key \(key)")
            expect(digest, is: value.digest, "the digest of what became of the value")
            expect(noteWrite(of: key, value, since: replacements), "what was patched was replaced")
            model.update(key, value, lifetime: lifetime)
            checkHeld(key)
        case .absent: if before != nil { noteVainWrite(of: key, value, notes(of: before)) }
        case .conditionFailed:
            expect(condition?.isMet(isThere: before != nil) == false, "the condition was not met")
            expect(before != nil, "something was there to be patched")
        }
    }

    private func notes(of held: CacheModel.Held?) -> OperationNotes {
        var notes = OperationNotes.none
        notes.tags = held?.tags ?? []
        notes.retention = held?.retention ?? 0
        return notes
    }

    mutating func touch(_ numbers: [Int], lifetime: Int64?) throws {
        var expected = 0
        for key in Self.distinct(numbers) where model.touch(key, lifetime: lifetime) { expected += 1 }
        let ttl = lifetime.map { Duration.nanoseconds($0) }
        expect(try cache.touch(numbers.map { keys.names[$0] }, ttl: ttl), is: expected, "touched")
        for key in numbers where model.held[key] != nil { checkHeld(key) }
    }

    mutating func putIf(
        _ key: Int, _ condition: OperationCondition?, _ value: CacheModel.Value, lifetime: Int64?,
        _ notes: OperationNotes
    ) throws {
        let notes = configuration.usesNotes ? notes : .none
        let before = model.live(key)
        let isMet = condition?.isMet(isThere: before != nil) ?? true
        let replacements = counter(.replacements)
        let asked = condition?.condition(digest: before?.value.digest ?? 0)
        guard let outcome = try write(key, value, lifetime: lifetime, notes, if: asked) else { return }
        if outcome != .conditionFailed {
            notePut(key, value, lifetime: lifetime, notes, outcome, since: replacements)
            // Where what has the key had to go for its own successor, there is nothing.
            expect(isMet || condition?.isMet(isThere: false) == true && outcome == .created, "the condition was met")
        } else if isMet {
            noteVainWrite(of: key, value, notes)
        }
    }

    mutating func deleteIf(_ key: Int, _ condition: OperationCondition) {
        let before = model.live(key)
        let outcome = cache.delete(keys[key], if: condition.condition(digest: before?.value.digest ?? 0))
        guard before == nil || condition.isMet(isThere: true) else {
            return expect(outcome, is: .conditionFailed, "what became of the removal")
        }
        expect(outcome, is: model.delete(key) ? .removed : .absent, "what became of the removal")
    }
}
