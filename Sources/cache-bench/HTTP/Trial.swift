/// A comparison of two loads of GET hits, or of two servers under one, that shows what the peak rate alone does not.
enum Trial: String, CaseIterable, Codable, Sendable {
    /// The cache and the bare responder at half of the cache's peak rate.
    case halfRate = "half-rate"
    /// The cache at three times its peak rate from three times the connections, and at its peak.
    case overload
    /// The same from some thousand connections, each with one request at a time when it is due: what many connections cost
    /// the kernel and the load is in it.
    case overloadFromMany = "overload-from-many"
    /// Far more clients than it takes to be busy, each with a new connection for each request, and as few as it takes.
    case overloadReconnecting = "overload-reconnecting"
    /// More connections than there may be, and fewer. Those that are refused come back at once: as fast as they can, which
    /// takes the load and the kernel more time than a request does.
    case overloadBeyondLimit = "overload-beyond-limit"
    /// The cache with many idle connections beside the active ones, and without.
    case idle

    var title: String {
        switch self {
        case .halfRate: "GET hit at half of the peak rate"
        case .overload: "GET hit at three times the peak rate from three times the connections"
        case .overloadFromMany: "GET hit at three times the peak rate from as many clients as that takes"
        case .overloadReconnecting: "GET hit, a connection for each request, from \(Self.manyConnections) clients"
        case .overloadBeyondLimit:
            "GET hit from \(Self.manyConnections) clients where \(Self.fewerConnections) connections may be open"
        case .idle: "GET hit beside \(Self.idleConnections) idle connections"
        }
    }

    /// What is compared.
    var figure: any KeyPath<Summary, Double> & Sendable {
        self == .halfRate ? \.p99 : \.requestsPerSecond
    }

    static let manyConnections = 3000
    static let fewerConnections = 1000
    static let idleConnections = 10_000
}

/// What a trial found.
struct TrialResult: Codable, Sendable {
    let trial: Trial
    /// Requests a second that were sent or due; nil when each client sent the next when it had an answer.
    var rate: Double?
    /// What is measured, and what it is measured beside. A third is told for comparison: what many connections cost the
    /// kernel and the load, which share the machine, they cost whatever answers.
    let systems: [HTTPReport.Entry]
    /// Memory of the server (RSS) for each idle connection, in bytes.
    var bytesPerIdleConnection: Double?

    /// The trial and the rate, as tables are headed.
    var title: String {
        rate.map { "\(trial.title), \(Figure.whole($0)) a second" } ?? trial.title
    }

    /// The first system's figure as a multiple of the second's; nil when one is missing.
    var ratio: Double? {
        guard systems.count >= 2, systems[1].median[keyPath: trial.figure] > 0 else { return nil }
        return systems[0].median[keyPath: trial.figure] / systems[1].median[keyPath: trial.figure]
    }
}
