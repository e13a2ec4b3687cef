/// What one run of a load against one system showed.
struct Measurement: Codable, Equatable, Sendable {
    var requestsPerSecond: Double
    /// Answers a second that an overload got in the place of what it asked for.
    var refusedPerSecond: Double = 0
    /// Latencies in milliseconds.
    var p50: Double
    var p99: Double
    /// Processor time of all processes of the system, in microseconds a request.
    var processorTime: Double
    /// Shares of the machine's processor time while the load ran: what programs that have nothing to do with the run
    /// used, what the hypervisor gave to others, and what the load generator used.
    var othersShare: Double
    var stolenShare: Double
    var generatorShare: Double
    /// Why the figures mean nothing. Empty if they do mean something.
    var problems: [String]
}

extension Measurement {
    /// What is wrong with the answers of a run, each in a clause.
    ///
    /// - Parameter counted: What the store counted during the run, if there is one. It may have served a few requests
    ///   more than the load generator, which forgets those that are on their way when its time is up.
    static func problems(
        _ result: LoadResult, of scenario: Scenario, expecting expectation: Expectation, counted: KeyStore.Counters?
    ) -> [String] {
        var problems: [String] = []
        if result.broken > 0 {
            problems.append("\(result.broken) connections failed, broke or timed out")
        }
        let expectedRefusals = expectation.areCountedAsErrors ? result.requests : 0
        if result.refused != expectedRefusals {
            problems.append("\(result.refused) of \(result.requests) answers above 399 instead of \(expectedRefusals)")
        }
        guard let counted else { return problems }
        if counted.errors > 0 {
            problems.append("the store refused \(counted.errors) commands")
        }
        let expected = result.requests * scenario.keysPerRequest
        switch scenario.lookups {
        case .hits:
            if counted.hits < expected || counted.misses > 0 {
                problems.append("\(counted.hits) hits and \(counted.misses) misses instead of \(expected) and 0")
            }
        case .misses:
            if counted.misses < expected || counted.hits > 0 {
                problems.append("\(counted.hits) hits and \(counted.misses) misses instead of 0 and \(expected)")
            }
        case nil:
            break
        }
        return problems
    }
}

/// The middle of a system's measurements, each figure by itself.
struct Summary: Codable, Equatable, Sendable {
    let requestsPerSecond: Double
    let refusedPerSecond: Double
    /// Milliseconds.
    let p50: Double
    let p99: Double
    /// Microseconds a request.
    let processorTime: Double
    /// Distance of the fastest round from the slowest, as a share of the middle.
    let spread: Double

    /// - Returns: nil when there is no measurement.
    init?(_ rounds: [Measurement]) {
        let rates = rounds.map(\.requestsPerSecond)
        guard let rate = rates.median, let p50 = rounds.map(\.p50).median, let p99 = rounds.map(\.p99).median,
            let time = rounds.map(\.processorTime).median,
            let refused = rounds.map(\.refusedPerSecond).median, let least = rates.min(), let most = rates.max()
        else { return nil }
        requestsPerSecond = rate
        refusedPerSecond = refused
        self.p50 = p50
        self.p99 = p99
        processorTime = time
        spread = (most - least) / rate
    }
}

extension Collection<Double> {
    /// The middle value, or the mean of the two in the middle; nil when empty.
    var median: Double? {
        guard !isEmpty else { return nil }
        let sorted = sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}
