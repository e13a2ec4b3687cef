extension HTTPRun {
    /// Performs a trial. Its servers are of its own, and end with it.
    func result(of trial: Trial, _ report: inout HTTPReport) throws -> TrialResult {
        switch trial {
        case .halfRate: try halfRate(&report)
        case .overload, .overloadFromMany: try overload(trial, &report)
        case .overloadReconnecting:
            try overload(trial, options: [], &report) { shape in
                shape.reconnects = true
            }
        case .overloadBeyondLimit:
            try overload(trial, options: ["--max-connections", "\(Trial.fewerConnections)"], &report) { _ in }
        case .idle: try idle(&report)
        }
    }

    private func halfRate(_ report: inout HTTPReport) throws -> TrialResult {
        let cache = try Peer.productionCache.start(environment)
        defer { stop(cache) }
        let bare = try Peer.bareResponder.start(environment)
        defer { stop(bare) }
        let shape = constantRate(try peak(of: cache) / 2)
        let systems = try takeTurns(
            Trial.halfRate.title,
            [
                try contender(cache, title: nil, shape), try contender(bare, of: .bareResponder, title: nil, shape),
            ], &report)
        return TrialResult(trial: .halfRate, rate: shape.rate, systems: systems)
    }

    /// Three times what it can answer, from three times the connections that find its peak, or from so many that each request has its own.
    private func overload(_ trial: Trial, _ report: inout HTTPReport) throws -> TrialResult {
        let cache = try Peer.productionCache.start(environment)
        defer { stop(cache) }
        let bare = try Peer.bareResponder.start(environment)
        defer { stop(bare) }
        var shape = constantRate(try peak(of: cache) * 3)
        if trial == .overload { shape.connections = 3 * load.connections }
        shape.isOverload = true
        let systems = try takeTurns(
            trial.title,
            [
                try contender(cache, title: "three times the peak rate", shape),
                try contender(cache, title: "peak", self.shape(of: .h2load)),
                try contender(bare, of: .bareResponder, title: "the same from bare libmicrohttpd", shape),
            ], &report)
        return TrialResult(trial: trial, rate: shape.rate, systems: systems)
    }

    /// The load with far more connections than it has otherwise, and without.
    private func overload(
        _ trial: Trial, options: [String], _ report: inout HTTPReport, _ change: (inout LoadShape) -> Void
    ) throws -> TrialResult {
        let cache = try Peer.startProductionCache(environment, options: options)
        defer { stop(cache) }
        var peak = load
        change(&peak)
        var overload = peak
        overload.connections = Trial.manyConnections
        overload.isOverload = true
        return TrialResult(
            trial: trial,
            systems: try takeTurns(
                trial.title,
                [
                    try contender(cache, title: "\(overload.connections) clients", overload),
                    try contender(cache, title: "\(peak.connections) clients", peak),
                ], &report))
    }

    private func idle(_ report: inout HTTPReport) throws -> TrialResult {
        try OpenFiles.allow(Trial.idleConnections + 1000)
        // Each thread of the server has a share of the connections that may be open, and the clients choose none.
        let options = ["--max-connections", "\(Trial.idleConnections * 2)", "--idle-timeout", "1h"]
        let busy = try Peer.startProductionCache(environment, options: options)
        defer { stop(busy) }
        let alone = try Peer.startProductionCache(environment, options: options)
        defer { stop(alone) }
        var contenders = [
            try contender(busy, title: "beside idle connections", load), try contender(alone, title: "without", load),
        ]
        // The memory that the load itself takes is no idle connection's.
        try contenders[0].warmUp()
        let before = try ResidentMemory.ofProcess(busy.processes[0].id)
        let connections = try (0..<Trial.idleConnections).map { _ in try IdleConnection(port: busy.port) }
        for (number, connection) in connections.enumerated() {
            try connection.get(workload.key(workload.order[number % workload.order.count]))
        }
        let after = try ResidentMemory.ofProcess(busy.processes[0].id)
        let systems = try takeTurns(Trial.idle.title, contenders, &report)
        // Had the server closed them, it would have measured nothing.
        for connection in [connections.first, connections.last] { try connection?.get(workload.key(0)) }
        return TrialResult(
            trial: .idle, systems: systems,
            bytesPerIdleConnection: Double(after - before) / Double(Trial.idleConnections))
    }

    func contender(
        _ deployment: Deployment, of peer: Peer = .productionCache, title: String?, _ shape: LoadShape
    ) throws -> Contender {
        let contender = try Contender(
            peer, deployment, title: title, scenario: .getHit, workload: workload, shape: shape, in: environment)
        guard let contender else { throw BenchmarkError("\(peer.title) has no GET") }
        return contender
    }

    /// Requests a second of the cache by h2load, which takes more time a request than wrk does.
    func peak(of cache: Deployment) throws -> Double {
        var contender = try contender(cache, title: nil, shape(of: .h2load))
        try contender.warmUp()
        let rates = try (0..<rounds).map { _ in try contender.measure().requestsPerSecond }
        guard let peak = rates.median else { throw BenchmarkError("no round to find the peak rate in") }
        return peak
    }

    private func shape(of generator: LoadShape.Generator) -> LoadShape {
        var shape = load
        shape.generator = generator
        return shape
    }

    /// A connection of h2load looks at the clock every 10 ms, and then sends what is due, one after another. So there are
    /// as many as it takes for each to send one at a time.
    func constantRate(_ rate: Double) -> LoadShape {
        var shape = shape(of: .h2load)
        shape.rate = rate
        shape.connections = min(max(load.connections, Int((rate / 100).rounded(.up))), 8000)
        return shape
    }

    func stop(_ deployment: Deployment) {
        for process in deployment.processes {
            do {
                try process.stop()
            } catch {
                Progress.say("\(error)")
            }
        }
    }
}

/// A connection that is held open. An object, because the connection itself can't be in an array.
private final class IdleConnection {
    private var connection: TCPConnection
    private let port: Int

    init(port: Int) throws {
        connection = try TCPConnection(port: port)
        self.port = port
    }

    func get(_ key: String) throws {
        let reply = try connection.exchange(HTTPRequest(method: "GET", target: "/keys/\(key)"), port: port)
        guard reply.status == 200 else { throw BenchmarkError("an idle connection is answered \(reply.status)") }
    }
}
