#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The operations of one input on a cache and on its model, compared at every step.
///
/// The model does not know which entries a policy or the memory lets go: it is told of what is no longer there
/// (``noteEvictions(_:)``), when it was seen that this might go.
struct OperationRun {
    let configuration: OperationConfiguration
    let clock = ManualClock()
    let cache: ProductionCache
    let keys: OperationKeys
    let hashes: [UInt64]
    let sizes: OperationSizes
    var model: CacheModel
    /// What the counters of evictions and expirations were when the model was told last.
    var removalsTold = 0
    /// How many entries there were when the counters began.
    var heldAtReset = 0
    /// How many expired entries have been renewed since then.
    var renewals = 0
    /// Bytes that all that is known of entries besides, and leases, took when the model was told last.
    var notesBytes = 0
    /// All leases, in the order in which they were taken.
    var taken: [TakenLease] = []
    var notesAbsences = false
    var valueCount = 0
    var lastWritten = 0
    var lent: [LentValue] = []
    var listing: Listing?

    private var number = 0
    private var operation = Operation.audit

    /// - Parameter prints: Whether to print each operation before it is done.
    static func run(_ bytes: UnsafeBufferPointer<UInt8>, keys: OperationKeys, prints: Bool) {
        let mappedBytes = VirtualMemory.mappedBytes
        var input = OperationInput(bytes)
        let configuration = OperationConfiguration(&input)
        if prints { print(configuration) }
        KeyHasher.spread = configuration.spread
        do {
            var run = try OperationRun(configuration, keys: keys)
            while !input.isAtEnd { try run.perform(Operation(&input), prints: prints) }
            try run.finish()
        } catch {
            fatalError("\(configuration): an error that was not expected: \(error)")
        }
        require(VirtualMemory.mappedBytes == mappedBytes, "\(configuration): memory is still mapped, without the cache")
    }

    private init(_ configuration: OperationConfiguration, keys: OperationKeys) throws {
        self.configuration = configuration
        self.keys = keys
        cache = try configuration.cache(clock: clock)
        hashes = keys.hashesOfSpread
        sizes = OperationSizes(cache.store.geometry, slotSizes: cache.store.pool.classes.sizes)
        model = CacheModel(capacity: configuration.capacity, evictions: .told)
    }

    private mutating func perform(_ operation: Operation, prints: Bool) throws {
        number += 1
        self.operation = operation
        if prints {
            print("\(number): \(operation)")
            // It comes before what the sanitizer may have to say.
            fflush(nil)
        }
        switch operation {
        case .get(let key, let face): try get(key, face)
        case .getRun(let keys): for key in keys.numbers { try get(key, 0) }
        case .getBatch(let keys, let face): try getBatch(keys.numbers, face)
        case .traffic(let seed, let count, let keys): try traffic(seed: seed, count, keys: keys)
        case .put(let key, let size, let lifetime, let notes, let face):
            try put(key, size: size, lifetime: lifetime, notes, face)
        case .putRun(let keys, let size, let lifetime, let notes):
            for key in keys.numbers { try put(key, size: size, most: Self.mostOfMany, lifetime: lifetime, notes, 0) }
        case .putBatch(let keys, let size, let lifetime, let notes, let face):
            try putBatch(keys.numbers, size: size, lifetime: lifetime, notes, face)
        case .putIf(let key, let condition, let size, let lifetime, let notes):
            try putIf(key, condition, newValue(of: key, size: size), lifetime: lifetime, notes)
        case .increment(let key, let amount, let initial, let lifetime):
            try increment(key, by: amount, initial: initial, lifetime: lifetime)
        case .merge(let key, let patch, let lifetime, let condition):
            try merge(key, patch: patch, lifetime: lifetime, condition)
        case .touch(let keys, let lifetime): try touch(keys.numbers, lifetime: lifetime)
        case .delete(let key): expect(cache.delete(keys.names[key]), is: model.delete(key), "deleted")
        case .deleteIf(let key, let condition): deleteIf(key, condition)
        case .deleteBatch(let keys): try deleteBatch(keys.numbers)
        case .deletePrefix(let prefix): deleteAll(prefix)
        case .deleteTag(let tag, let prefix, let spared): deleteTag(tag, prefix: prefix, sparing: spared)
        case .listPage(let limit, let prefix): try listPage(limit: limit, prefix: prefix)
        case .export(let prefix, let byteCount): try export(prefix, byteCount: byteCount)
        case .snapshot(let capacity): try snapshot(capacity: capacity)
        case .lend(let key): lend(key)
        case .endLending(let place): endLending(place)
        case .look(let key, let counts): look(key, counts: counts)
        case .takeLeases(let keys, let duration):
            for key in keys.numbers where configuration.usesNotes { try takeLease(key, for: duration) }
        case .beginLoad(let key): if configuration.usesNotes { try beginLoad(key ?? lastWritten) }
        case .fill(let lease, let key, let size, let lifetime, let notes):
            try fill(lease: lease, of: key, size: size, lifetime: lifetime, notes)
        case .renew(let lease, let lifetime, let notes): renew(lease: lease, lifetime: lifetime, notes)
        case .noteAbsence(let lease, let lifetime): try noteAbsence(lease: lease, lifetime: lifetime)
        case .endLoad(let lease): endLoad(lease: lease)
        case .advance(let duration): advance(duration)
        case .advanceToEnd(let place, let more):
            let ends = ends
            if !ends.isEmpty { advance(ends[place % ends.count] + more - model.now) }
        case .maintain: cache.maintain()
        case .compareStatistics(let resets): compareStatistics(resets: resets)
        case .audit: audit()
        case .refuse(let kind): refuse(kind)
        }
    }

    /// The longest value of those that are put one after the other.
    private static let mostOfMany = 20_000

    /// Compares everything, and sees to it that nothing is left when all is deleted; or leaves all to the end of the cache.
    private mutating func finish() throws {
        operation = .audit
        audit()
        compareStatistics(resets: false)
        defer { while !lent.isEmpty { endLending(0) } }
        guard configuration.deletesAtEnd else { return }
        deleteAll("")
        audit()
        compareStatistics(resets: true)
        expect(cache.store.ledger.entries, is: 0, "entries without entries")
        expect(cache.store.ledger.bytes, is: cache.store.emptyFootprint, "bytes without entries")
    }

    private mutating func advance(_ duration: Int64) {
        guard model.now + duration < Self.latest else { return }
        clock.advance(by: .nanoseconds(duration))
        model.advance(by: duration)
    }

    /// When something is over that is not yet: an entry's time to live, for how long it is kept, a lease, or a note of an absence.
    private var ends: [Int64] {
        let ends =
            model.held.values.flatMap { [$0.expiresAt, $0.retainedUntil] } + model.leases.values.map(\.endsAt)
            + model.absences.values
        return Set(ends.filter { $0 > model.now && $0 < .max }).sorted()
    }

    /// About 36 years, so that no expiry is beyond what a clock can show.
    private static let latest: Int64 = 1 << 60

    // MARK: What is expected

    func expect(_ isTrue: Bool, _ what: @autoclosure () -> String) {
        if !isTrue { fail(what()) }
    }

    func expect<Value: Equatable>(_ got: Value, is expected: Value, _ what: @autoclosure () -> String) {
        if got != expected { fail("\(what()): expected \(expected), got \(got)") }
    }

    func fail(_ what: String) -> Never {
        fatalError("\(configuration)\noperation \(number), \(operation): \(what)")
    }
}
