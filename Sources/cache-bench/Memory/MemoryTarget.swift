/// What the cache is meant to keep to in the memory benchmark.
struct MemoryTarget: Sendable {
    let title: String
    /// The part that measures it.
    let part: MemoryPart
    let bound: Bound
    /// What was measured of it; nil when the run did not measure it.
    let quantity: @Sendable (MemoryReport) -> Double?

    static func all(_ scale: MemoryScale) -> [MemoryTarget] {
        [
            // What the fill adds, as it is usually told of memcached and Redis: 161 and 214 bytes by this measure.
            MemoryTarget(
                title: "\(ValueSizes.small.title) values: RSS that an entry adds, bytes", part: .peers,
                bound: .atMost(120),
                quantity: { $0.comparison(.small)?.system(.productionCache)?.addedBytesPerEntry })
        ] + scale.limits.flatMap(atLimit)
            + clears.map { clear in
                MemoryTarget(
                    title: "least RSS within 10 s after a clear, \(clear), MiB", part: .clear,
                    bound: .atMost(100),
                    quantity: { $0.decline(clear)?.leastBytes.map { Double($0) / 1_048_576 } })
            }
            + PauseTrial.Phase.allCases.map { phase in
                MemoryTarget(
                    title: "longest operation, \(phase.title), ms", part: .pauses, bound: .atMost(5),
                    quantity: { $0.pauses?.phase(phase).map { $0.longest / 1000 } })
            }
    }

    private static let clears = MemoryReport.Decline.Subject.allCases

    /// The process itself may take 32 MiB; what is beyond that has to be within a tenth of the limit.
    private static func atLimit(_ limit: Int) -> [MemoryTarget] {
        let title = "limit of \(Figure.mebibytes(limit))"
        return [
            MemoryTarget(
                title: "\(title): RSS, MiB", part: .churn,
                bound: .atMost((1.10 * Double(limit) + 32 * 1_048_576) / 1_048_576),
                quantity: { report in
                    report.churn(limit)?.phases.map(\.bytesAfter).max().map { Double($0) / 1_048_576 }
                }),
            MemoryTarget(
                title: "\(title): share of keys and values", part: .churn, bound: .atLeast(0.85),
                quantity: { report in
                    let shares = report.churn(limit)?.phases.filter { ChurnTrial.titlesOfAllSizes.contains($0.title) }
                        .map {
                            Double($0.usefulBytes) / Double(limit)
                        }
                    return shares?.min()
                }),
        ]
    }
}

extension PauseTrial.Phase {
    var title: String {
        switch self {
        case .fill: "filling"
        case .steady: "full"
        case .wave: "expiry wave"
        }
    }
}
