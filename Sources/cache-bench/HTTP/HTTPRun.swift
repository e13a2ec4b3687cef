import Foundation

/// One run of the HTTP benchmark, from the start of the servers to the report.
struct HTTPRun {
    let environment: RunEnvironment
    let workload: Workload
    let load: LoadShape
    let rounds: Int

    /// The order of the tables, and of the turns.
    private static let peers: [Peer] = [
        .productionCache, .loggingCache, .bareResponder, .nginx, .nginxFile, .nginxMemcached, .webdisRedis,
        .redisBenchmark,
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
        if selection.parts.contains(where: { !$0.trials.isEmpty }) { _ = try Program.h2load.executable() }
        if selection.parts != [.start] { _ = try Program.wrk.executable() }
        if selection.contains(.start) {
            Progress.show("starts")
            report.starts = try starts()
        }
        let systems = try start(for: scenarios, &report)
        for scenario in scenarios {
            report.scenarios.append(try measure(scenario, on: systems, &report))
        }
        for trial in selection.parts.flatMap(\.trials) {
            report.trials.append(try result(of: trial, &report))
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
        let contenders = try systems.compactMap { peer, deployment in
            try Contender(peer, deployment, scenario: scenario, workload: workload, shape: load, in: environment)
        }
        return HTTPReport.ScenarioResult(
            scenario: scenario, systems: try takeTurns(scenario.title, contenders, &report))
    }

    /// Measures each contender once a round, and takes the middle of its rounds.
    func takeTurns(
        _ title: String, _ contenders: [Contender], _ report: inout HTTPReport
    ) throws -> [HTTPReport.Entry] {
        var contenders = contenders
        var measurements: [[Measurement]] = Array(repeating: [], count: contenders.count)
        for round in 0...rounds {
            let turn = round == 0 ? "warm-up" : "round \(round) of \(rounds)"
            for index in contenders.indices where !contenders[index].hasFailed {
                let contender = contenders[index]
                Progress.show("\(title) · \(turn) · \(contender.title)")
                do {
                    if round == 0 {
                        try contenders[index].warmUp()
                    } else {
                        let measurement = try contenders[index].measure()
                        measurements[index].append(measurement)
                        report.problems += measurement.problems.map {
                            "\(title), \(turn), \(contender.title): \($0)"
                        }
                    }
                } catch let error as BenchmarkError where contender.peer.id != .productionCache {
                    contenders[index].hasFailed = true
                    report.problems.append("\(title), \(turn), \(contender.title): \(error)")
                }
            }
        }
        Progress.say("\(title): done")
        return zip(contenders, measurements).compactMap { contender, rounds in
            Summary(rounds).map {
                HTTPReport.Entry(id: contender.peer.id, title: contender.title, rounds: rounds, median: $0)
            }
        }
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
        for program in Set([.wrk, .h2load] + Self.peers.flatMap(\.programs)) {
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
