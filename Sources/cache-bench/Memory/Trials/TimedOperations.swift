import CacheCore

/// Operations on a cache, each timed by itself, in turns with an idle loop that lasts as long.
struct TimedOperations {
    private let cache: ProductionCache
    private let value = ValueText(upTo: 64).bytes(64, of: 0)
    private var generator: SplitMix64
    private var put = OperationTimes()
    private var get = OperationTimes()
    private var delete = OperationTimes()
    private var idle = IdleLoop()
    private var turn = 0
    private var turnStart = MachineClock.wall()

    /// Operations between two turns of the idle loop.
    private static let turnLength = 1000

    init(on cache: ProductionCache, seed: UInt64) {
        self.cache = cache
        generator = SplitMix64(state: seed)
    }

    mutating func put(_ number: Int, ttl: Duration) throws {
        let key = EntryFill.keys[number]
        _ = try put.measure { try cache.putJSON(key, value, ttl: ttl) }
        takeTurns()
    }

    /// Reads two entries, replaces one, and removes one and puts it in again; all chosen by chance.
    ///
    /// - Parameters:
    ///   - readable: Entries that may be read, from the first.
    ///   - writable: Entries that may be replaced or removed.
    mutating func readAndRewrite(readable: Int, writable: Int) throws {
        for _ in 0..<2 {
            let key = EntryFill.keys[randomNumber(below: readable)]
            _ = get.measure { cache.withJSON(key) { $0.byteCount } }
            takeTurns()
        }
        try put(randomNumber(below: writable), ttl: .seconds(EntryFill.secondsToLive))
        let number = randomNumber(below: writable)
        let key = EntryFill.keys[number]
        _ = delete.measure { cache.delete(key) }
        takeTurns()
        try put(number, ttl: .seconds(EntryFill.secondsToLive))
    }

    /// The figures since the last phase, which begin anew.
    mutating func finish(_ phase: PauseTrial.Phase, entries: Int) -> PauseTrial.PhaseOutcome {
        let kinds = [(PauseTrial.Operation.put, put.summary), (.get, get.summary), (.delete, delete.summary)]
        defer {
            put = OperationTimes()
            get = OperationTimes()
            delete = OperationTimes()
            idle = IdleLoop()
        }
        return PauseTrial.PhaseOutcome(
            phase: phase, entries: entries,
            kinds: kinds.filter { $0.1.count > 0 }.map { PauseTrial.PhaseOutcome.Kind(operation: $0.0, times: $0.1) },
            idle: idle.summary)
    }

    private mutating func takeTurns() {
        turn += 1
        guard turn == Self.turnLength else { return }
        idle.run(for: MachineClock.wall() - turnStart)
        turn = 0
        turnStart = MachineClock.wall()
    }

    private mutating func randomNumber(below count: Int) -> Int {
        Int(generator.next() % UInt64(count))
    }
}
