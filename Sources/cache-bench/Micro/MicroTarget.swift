/// What the cache is meant to reach within a process.
struct MicroTarget: Sendable {
    let title: String
    /// The part that measures it.
    let part: MicroPart
    let bound: Bound
    /// What was measured of it; nil when the run did not measure it.
    let quantity: @Sendable (MicroReport) -> Double?

    static let all: [MicroTarget] =
        [
            rate("get against a dictionary", .get, .get, .dictionary, 4),
            rate("get against a dictionary, zipf", .get, .getZipf, .dictionary, 4),
            rate("get against NSCache", .get, .get, .foundationCache, 10),
            rate("get against NSCache, zipf", .get, .getZipf, .foundationCache, 10),
            rate("put against a dictionary", .put, .put, .dictionary, 3),
            rate("put against a dictionary, zipf", .put, .putZipf, .dictionary, 3),
            rate("get of many against a dictionary", .large, .largeGet, .dictionary, 4),
            rate("get of many against a dictionary, zipf", .large, .largeGetZipf, .dictionary, 4),
            rate("put to many against a dictionary", .large, .largePut, .dictionary, 3),
            rate("mget of \(Workload.batchSize) against single gets", .mget, .mget, .cacheSingle, 1.5),
            MicroTarget(
                title: "time of a typed get against its decoding", part: .typed, bound: .atMost(1.1),
                quantity: { $0.row(.typed)?.rate(against: .decoder).map { 1 / $0 } }),
            MicroTarget(
                title: "two threads against one, 95 % reads", part: .threads, bound: .atLeast(1.8),
                quantity: { $0.threads(of: .cache)?.ratio(2, to: 1) }),
            MicroTarget(
                title: "64 threads against two, 95 % reads", part: .threads, bound: .atLeast(0.8),
                quantity: { $0.threads(of: .cache)?.ratio(64, to: 2) }),
        ]

    private static func rate(
        _ title: String, _ part: MicroPart, _ row: MicroRow.ID, _ peer: MicroContender, _ least: Double
    ) -> MicroTarget {
        MicroTarget(
            title: "\(title), rate", part: part, bound: .atLeast(least),
            quantity: { $0.row(row)?.rate(against: peer) })
    }
}
