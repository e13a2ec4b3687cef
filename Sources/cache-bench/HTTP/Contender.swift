/// A running system with the load of one scenario ready for it.
struct Contender {
    private enum Generator {
        case wrk(Wrk, HTTPRequest, Expectation)
        case h2load(H2Load, HTTPRequest, Expectation)
        case redisBenchmark(RedisBenchmark)
    }

    let peer: Peer
    /// What the tables call it.
    let title: String
    let scenario: Scenario
    /// Set when an error took it out of the run.
    var hasFailed = false
    private let deployment: Deployment
    private let workload: Workload
    private let shape: LoadShape
    private let cores: Int
    private let generator: Generator
    /// Requests a second of the last run. A generator that counts requests instead of seconds needs it.
    private var rate: Double

    /// - Parameter title: What the tables call it; nil takes the system's own.
    /// - Returns: nil when the system has no counterpart of the scenario.
    init?(
        _ peer: Peer, _ deployment: Deployment, title: String? = nil, scenario: Scenario, workload: Workload,
        shape: LoadShape, in environment: RunEnvironment
    ) throws {
        let name = "\(peer.id.rawValue)-\(scenario.rawValue)-\(deployment.port)-\(shape.connections)"
        switch peer.load(scenario, workload) {
        case .http(let requests, let expectation) where shape.generator == .h2load:
            let h2load = try H2Load(requests, name: name, port: deployment.port, shape: shape, in: environment)
            generator = .h2load(h2load, requests[0], expectation)
        case .http(var requests, let expectation):
            if shape.reconnects {
                for index in requests.indices { requests[index].closes = true }
            }
            let wrk = try Wrk(requests, name: name, port: deployment.port, shape: shape, in: environment)
            generator = .wrk(wrk, requests[0], expectation)
        case .redis(let command):
            generator = .redisBenchmark(
                try RedisBenchmark(command, name: name, port: deployment.port, shape: shape, in: environment))
        case nil:
            return nil
        }
        self.peer = peer
        self.title = title ?? peer.title
        self.scenario = scenario
        self.deployment = deployment
        self.workload = workload
        self.shape = shape
        cores = environment.cores
        // A first guess, on the low side, so that a slow machine gets through its warm-up soon.
        rate = 20_000 / Double(scenario.keysPerRequest)
    }

    /// Fills the store, looks whether the first request is answered as the scenario has it, and sends a second of the
    /// load, so that the first measurement finds the system as the others do.
    mutating func warmUp() throws {
        do {
            try check()
            if case .redisBenchmark = generator {
                rate = Self.rate(of: try send(seconds: 1))
            }
            rate = Self.rate(of: try send(seconds: 1))
        } catch {
            throw try reason(for: error)
        }
    }

    /// Fills the store and measures the load once.
    mutating func measure() throws -> Measurement {
        do {
            let measurement = try measureOnce()
            rate = measurement.requestsPerSecond
            return measurement
        } catch {
            throw try reason(for: error)
        }
    }

    /// The end of one of the processes, if that is what is behind an error.
    private func reason(for error: any Error) throws -> any Error {
        for process in deployment.processes {
            guard let end = try process.endIfEnded() else { continue }
            let how = end.exitCode.map { "exit code \($0)" } ?? "a signal"
            return BenchmarkError("\(process.name) ended during the run, with \(how):\n\(process.outputTail())")
        }
        return error
    }

    private func check() throws {
        try deployment.store.fill(with: workload)
        let (request, expectation): (HTTPRequest, Expectation)
        switch generator {
        case .wrk(_, let first, let answer), .h2load(_, let first, let answer): (request, expectation) = (first, answer)
        case .redisBenchmark: return
        }
        var connection = try TCPConnection(port: deployment.port)
        let reply = try connection.exchange(request, port: deployment.port)
        guard expectation.statuses.contains(reply.status), expectation.body(reply.body) else {
            throw BenchmarkError(
                "\(peer.title) answers \(request.method) \(request.target.prefix(80)) with \(reply.status) "
                    + "and \(reply.body.prefix(200))")
        }
    }

    private func measureOnce() throws -> Measurement {
        try deployment.store.fill(with: workload)
        let groups = Set(deployment.processes.map(\.id))
        let countersBefore = try deployment.store.counters()
        let machineBefore = try ProcessorTime.Machine.now()
        let timeBefore = try ProcessorTime.ofGroups(groups)
        let start = ContinuousClock.now
        var result = try send(seconds: shape.seconds)
        let elapsed = ContinuousClock.now - start
        let time = try ProcessorTime.ofGroups(groups) - timeBefore
        let machine = try ProcessorTime.Machine.now()
        let counters = try deployment.store.counters()

        var refused = 0
        if shape.isOverload {
            refused = result.refused
            result.requests = max(1, result.requests - result.refused)
            result.refused = 0
            result.broken = 0
        }
        let counted = countersBefore.flatMap { before in counters.map { $0 - before } }
        let capacity = elapsed.seconds * Double(cores)
        let busy = machine.busy - machineBefore.busy
        return Measurement(
            requestsPerSecond: Self.rate(of: result),
            refusedPerSecond: Double(refused) / result.seconds,
            p50: result.p50,
            p99: result.p99,
            processorTime: time.seconds * 1e6 / Double(result.requests),
            othersShare: max(0, (busy - time - result.processorTime).seconds / capacity),
            stolenShare: (machine.stolen - machineBefore.stolen).seconds / capacity,
            generatorShare: result.processorTime.seconds / capacity,
            problems: Measurement.problems(result, of: scenario, expecting: expectation, counted: counted))
    }

    private var expectation: Expectation {
        switch generator {
        case .wrk(_, _, let expectation), .h2load(_, _, let expectation): expectation
        case .redisBenchmark: Expectation([200])
        }
    }

    private func send(seconds: Int) throws -> LoadResult {
        switch generator {
        case .wrk(let wrk, _, _): try wrk.run(seconds: seconds)
        case .h2load(let h2load, _, _): try h2load.run(seconds: seconds)
        case .redisBenchmark(let benchmark): try benchmark.run(requests: max(1, Int(rate * Double(seconds))))
        }
    }

    private static func rate(of result: LoadResult) -> Double {
        Double(result.requests) / result.seconds
    }
}
