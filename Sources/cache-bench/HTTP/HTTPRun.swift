import Foundation

/// One run of the HTTP benchmark, from the start of the servers to the report.
struct HTTPRun {
    let environment: RunEnvironment
    let workload: Workload
    let load: LoadShape
    let rounds: Int

    /// The order of the tables, and of the turns.
    private static let peers: [Peer] = [
        .productionCache, .bareResponder, .nginx, .nginxMemcached, .webdisRedis, .redisBenchmark,
    ]

    /// Measures the selected parts. The servers that it started run on until `RunningChildren.endAll`.
    ///
    /// - Throws: When the cache itself or wrk cannot be used. A peer that cannot be is a problem in the report.
    func report(on selection: Selection<HTTPPart>) throws -> HTTPReport {
        var report = HTTPReport(
            date: Date(), machine: try Machine.this(), versions: try versions(), load: load, rounds: rounds,
            seed: workload.seed, keyCount: Workload.keyCount, keyBytes: Workload.keyBytes,
            valueBytes: Workload.valueBytes)
        let scenarios = selection.parts.compactMap(\.scenario)
        if !scenarios.isEmpty { _ = try Program.wrk.executable() }
        if selection.contains(.start) {
            Progress.show("starts")
            report.starts = try starts()
        }
        let systems = try start(for: scenarios, &report)
        for scenario in scenarios {
            report.scenarios.append(try measure(scenario, on: systems, &report))
        }
        report.targets = Target.all.map { TargetResult($0.title, $0.bound, measured: report.measured($0.quantity)) }
        return report
    }

    /// Starts all systems that have a counterpart of one of the scenarios.
    private func start(for scenarios: [Scenario], _ report: inout HTTPReport) throws -> [(Peer, Deployment)] {
        var systems: [(Peer, Deployment)] = []
        for peer in Self.peers where scenarios.contains(where: { peer.load($0, workload) != nil }) {
            do {
                for program in peer.programs { _ = try program.executable() }
            } catch {
                Progress.say("skipped: \(peer.title): \(error)")
                report.skipped.append(HTTPReport.Skipped(system: peer.title, reason: "\(error)"))
                continue
            }
            do {
                Progress.show("starting \(peer.title)")
                systems.append((peer, try peer.start(environment)))
            } catch let error as BenchmarkError where peer.id != .productionCache {
                report.problems.append("\(peer.title): \(error)")
            }
        }
        return systems
    }

    /// Measures one scenario, the systems in turns, so that what changes on the machine during the run changes for all.
    private func measure(
        _ scenario: Scenario, on systems: [(Peer, Deployment)], _ report: inout HTTPReport
    ) throws -> HTTPReport.ScenarioResult {
        var contenders = try systems.compactMap { peer, deployment in
            try Contender(peer, deployment, scenario: scenario, workload: workload, shape: load, in: environment)
        }
        var measurements: [Peer.ID: [Measurement]] = [:]
        for round in 0...rounds {
            let turn = round == 0 ? "warm-up" : "round \(round) of \(rounds)"
            for index in contenders.indices where !contenders[index].hasFailed {
                let peer = contenders[index].peer
                Progress.show("\(scenario.title) · \(turn) · \(peer.title)")
                do {
                    if round == 0 {
                        try contenders[index].warmUp()
                    } else {
                        let measurement = try contenders[index].measure()
                        measurements[peer.id, default: []].append(measurement)
                        report.problems += measurement.problems.map {
                            "\(scenario.title), \(turn), \(peer.title): \($0)"
                        }
                    }
                } catch let error as BenchmarkError where peer.id != .productionCache {
                    contenders[index].hasFailed = true
                    report.problems.append("\(scenario.title), \(turn), \(peer.title): \(error)")
                }
            }
        }
        Progress.say("\(scenario.title): done")
        return HTTPReport.ScenarioResult(
            scenario: scenario,
            systems: contenders.map(\.peer).compactMap { peer in
                let rounds = measurements[peer.id, default: []]
                return Summary(rounds).map {
                    HTTPReport.Entry(id: peer.id, title: peer.title, rounds: rounds, median: $0)
                }
            })
    }

    private func starts() throws -> [StartUp] {
        [
            try StartUp(
                of: environment.cacheServer, title: Peer.productionCache.title,
                arguments: { ["--host", "127.0.0.1", "--port", "\($0)"] }, in: environment),
            try StartUp(
                of: environment.bareResponder, title: Peer.bareResponder.title,
                arguments: { ["--port", "\($0)"] }, in: environment),
        ]
    }

    /// The versions of all programs that take part, by name.
    private func versions() throws -> [String: String] {
        var versions: [String: String] = [:]
        for program in Set([.wrk] + Self.peers.flatMap(\.programs)) {
            guard let executable = ProgramPath.find(program.name) else { continue }
            versions[program.name] = try program.version(of: executable, in: environment)
        }
        for (name, executable) in [
            ("cache-server", environment.cacheServer), ("libmicrohttpd", environment.bareResponder),
        ] {
            versions[name] = try Program(name: name, package: "", versionArguments: ["--version"])
                .version(of: executable, in: environment)
        }
        return versions
    }
}
