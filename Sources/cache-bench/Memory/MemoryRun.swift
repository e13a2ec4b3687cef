import Foundation

/// One run of the memory benchmark.
struct MemoryRun {
    let environment: RunEnvironment
    let scale: MemoryScale
    let seed: UInt64

    /// Measures the selected parts.
    ///
    /// - Throws: When the cache itself cannot be measured. A peer that cannot be is a problem in the report.
    func report(on selection: Selection<MemoryPart>) throws -> MemoryReport {
        var report = MemoryReport(
            date: Date(), machine: try Machine.this(), versions: try versions(), seed: seed, isFull: scale.isFull)
        for part in selection.parts {
            switch part {
            case .peers:
                for fill in scale.fills(seed: seed) { report.comparisons.append(try compare(with: fill, &report)) }
            case .fill:
                Progress.show("the library with \(scale.fills(seed: seed)[0].count) entries")
                let fill = scale.fills(seed: seed)[0]
                report.fill = try environment.perform(FillTrial(entries: fill.count, sizes: fill.sizes, seed: seed))
            case .churn:
                for limit in scale.limits {
                    Progress.show("a limit of \(Figure.mebibytes(limit))")
                    report.churns.append(try environment.perform(ChurnTrial(limit: limit, seed: seed)))
                }
            case .clear:
                for subject in MemoryReport.Decline.Subject.allCases {
                    Progress.show("clear: \(subject)")
                    report.declines.append(MemoryReport.Decline(subject: subject, memory: try decline(of: subject)))
                }
            case .pauses:
                Progress.show("single operations with \(scale.entries) entries")
                report.pauses = try environment.perform(
                    PauseTrial(entries: scale.entries, wave: scale.wave, seed: seed))
            }
            Progress.say("\(part.rawValue): done")
        }
        report.targets = MemoryTarget.all(scale).map { TargetResult($0.title, $0.bound, measured: $0.quantity(report)) }
        return report
    }

    /// What became of the targets that the selected parts measure.
    func targets(_ report: MemoryReport, of selection: Selection<MemoryPart>) -> [TargetResult] {
        zip(MemoryTarget.all(scale), report.targets).filter { selection.contains($0.0.part) }.map(\.1)
    }

    /// Fills all systems with the same entries, one after the other.
    private func compare(with fill: EntryFill, _ report: inout MemoryReport) throws -> MemoryComparison {
        var comparison = MemoryComparison(of: fill)
        for system in MemorySystem.all {
            Progress.show("\(system.title) with \(fill.count) values of \(fill.sizes.title)")
            do {
                _ = try system.program?.executable()
            } catch {
                if !report.skipped.contains(where: { $0.system == system.title }) {
                    report.skipped.append(MemoryReport.Skipped(system: system.title, reason: "\(error)"))
                }
                continue
            }
            do {
                comparison.systems.append(
                    try MemoryComparison.Entry(measuring: system, with: fill, in: environment))
            } catch let error as BenchmarkError where system.id != .productionCache {
                report.problems.append("values of \(fill.sizes.title), \(system.title): \(error)")
            }
        }
        return comparison
    }

    private func decline(of subject: MemoryReport.Decline.Subject) throws -> MemoryDecline {
        switch subject {
        case .librarySmall, .libraryMixed:
            return try environment.perform(ClearTrial(bytes: scale.cleared, sizes: subject.sizes, seed: seed))
        case .serverMixed:
            return try MemoryDecline(
                ofServerWith: EntryFill(bytes: scale.cleared, sizes: subject.sizes, seed: seed), in: environment)
        }
    }

    private func versions() throws -> [String: String] {
        var versions: [String: String] = [:]
        for program in MemorySystem.all.compactMap(\.program) {
            guard let executable = ProgramPath.find(program.name) else { continue }
            versions[program.name] = try program.version(of: executable, in: environment)
        }
        versions["cache-server"] = try Program(name: "cache-server", package: "", versionArguments: ["--version"])
            .version(of: environment.cacheServer, in: environment)
        return versions
    }
}

extension MemoryDecline {
    /// Fills the cache's server, clears it by HTTP, and watches its memory.
    fileprivate init(ofServerWith fill: EntryFill, in environment: RunEnvironment) throws {
        let deployment = try Peer.productionCache.start(environment)
        let process = deployment.processes[0]
        try deployment.store.fill(with: fill)
        func clear() throws {
            var connection = try TCPConnection(port: deployment.port)
            let reply = try connection.exchange(HTTPRequest(method: "DELETE", target: "/keys"), port: deployment.port)
            guard reply.status == 200, reply.body.contains("\(fill.count)") else {
                throw BenchmarkError(
                    "DELETE /keys answers \(reply.status) and \(reply.body) with \(fill.count) entries there")
            }
        }
        try self.init(of: { try ResidentMemory.ofProcess(process.id) }, after: clear)
        try process.stop()
    }
}
