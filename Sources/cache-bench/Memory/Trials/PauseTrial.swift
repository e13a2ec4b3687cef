import CacheCore

/// Times every single operation while a cache grows to many entries, while it holds them, and while a wave of them
/// expires in one second.
struct PauseTrial: MemoryTrial {
    static let name = "pauses"

    let entries: Int
    /// Entries that come on top and expire together.
    let wave: Int
    let seed: UInt64

    enum Phase: String, CaseIterable, Codable, Sendable {
        case fill, steady, wave
    }

    enum Operation: String, CaseIterable, Codable, Sendable {
        case put, get, delete
    }

    struct PhaseOutcome: Codable, Sendable {
        struct Kind: Codable, Sendable {
            let operation: Operation
            let times: OperationTimes.Summary
        }

        let phase: Phase
        /// Entries at the end of the phase.
        let entries: Int
        let kinds: [Kind]
        /// What a loop saw that took turns with the operations and did nothing.
        let idle: IdleLoop.Summary

        /// The longest operation in microseconds.
        var longest: Double { kinds.map(\.times.longest).max() ?? 0 }
    }

    struct Outcome: Codable, Sendable {
        let phases: [PhaseOutcome]

        func phase(_ phase: Phase) -> PhaseOutcome? { phases.first { $0.phase == phase } }
    }

    func perform() throws -> Outcome {
        let cache = try ProductionCache(CacheConfiguration(memoryLimit: TrialCache.ample))
        var operations = TimedOperations(on: cache, seed: seed)
        return Outcome(phases: [
            try fill(cache, &operations), try steady(cache, &operations), try expire(cache, &operations),
        ])
    }

    private func fill(_ cache: ProductionCache, _ operations: inout TimedOperations) throws -> PhaseOutcome {
        for number in 0..<entries {
            try operations.put(number, ttl: .seconds(EntryFill.secondsToLive))
        }
        let count = cache.getStats().currentSize
        guard count == entries else {
            throw BenchmarkError("the cache holds \(count) entries after \(entries) were put")
        }
        return operations.finish(.fill, entries: count)
    }

    private func steady(_ cache: ProductionCache, _ operations: inout TimedOperations) throws -> PhaseOutcome {
        for _ in 0..<entries / 10 {
            try operations.readAndRewrite(readable: entries, writable: entries)
        }
        return operations.finish(.steady, entries: cache.getStats().currentSize)
    }

    /// Puts the wave in, and reads and writes until it is gone.
    private func expire(_ cache: ProductionCache, _ operations: inout TimedOperations) throws -> PhaseOutcome {
        // Time enough to put them in, by what the fill took for one, and idle turns and others on the machine.
        let deadline = ContinuousClock.now + .seconds(2) + .microseconds(20 * wave)
        for number in entries..<entries + wave {
            let left = deadline - ContinuousClock.now
            guard left > .zero else { throw BenchmarkError("the machine is too slow: the wave expired while it came") }
            try operations.put(number, ttl: left)
        }
        // The statistics are not asked for meanwhile: the question itself lets expired entries go.
        while ContinuousClock.now < deadline + .seconds(2) {
            try operations.readAndRewrite(readable: entries + wave, writable: entries)
        }
        let stats = cache.getStats()
        guard stats.currentSize == entries, stats.expirations == wave else {
            throw BenchmarkError(
                "\(stats.expirations) entries expired instead of \(wave), and \(stats.currentSize) are left instead of "
                    + "\(entries)")
        }
        return operations.finish(.wave, entries: stats.currentSize)
    }
}
