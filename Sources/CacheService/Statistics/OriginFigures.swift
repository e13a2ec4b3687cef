internal import ReadThrough

/// What `/stats` and `/metrics` tell of origins.
struct OriginFigures {
    let values: Int
    let absences: Int
    let failures: Int
    let collapsed: Int
    let staleServed: Int
    let revalidated: Int
    let negativeHits: Int
    let rejected: Int
    let inFlight: Int
    let waiting: Int
    let breaker: String
    let latency: LatencyRecorder.Summary

    init(_ loader: OriginLoader, _ latencies: LatencyRecorder) {
        let figures = loader.figures
        values = figures[.values]
        absences = figures[.absences]
        failures = figures[.failures]
        collapsed = figures[.collapsed]
        staleServed = figures[.staleServed]
        revalidated = figures[.revalidated]
        negativeHits = figures[.negativeHits]
        rejected = figures[.rejected]
        (inFlight, waiting, breaker) = loader.state
        latency = latencies.summary(of: .load)
    }

    /// All loads that ended.
    var loads: Int { values + absences + failures }

    /// The state of the breaker as a number, for a graph.
    var breakerLevel: Int { ["closed": 0, "half_open": 1][breaker] ?? 2 }
}
