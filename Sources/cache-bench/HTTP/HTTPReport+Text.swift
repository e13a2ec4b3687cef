extension HTTPReport {
    /// The whole report for a terminal.
    var text: String {
        var sections = [heading]
        sections += scenarios.map { "\($0.scenario.title)\n" + table(of: $0).aligned() }
        sections += trials.map { "\($0.title)\n" + table(of: $0).aligned() }
        if !starts.isEmpty {
            sections.append("Start to first answer\n" + startTable.aligned())
        }
        sections.append("Targets\n" + Table(of: targets).aligned())
        if !skipped.isEmpty {
            sections.append("Skipped\n" + skipped.map { "  \($0.system): \($0.reason)\n" }.joined())
        }
        if let unrest {
            sections.append("\(unrest)\n")
        }
        if !problems.isEmpty {
            sections.append("INVALID: figures of this run mean nothing\n" + problems.map { "  \($0)\n" }.joined())
        }
        return sections.joined(separator: "\n")
    }

    /// What was measured, on what and how.
    private var heading: String {
        """
        \(machine.summary)
        \(loadSummary)
        \(versionSummary)

        """
    }

    var loadSummary: String {
        "\(load.connections) connections, \(load.threads) load threads, "
            + "median of \(rounds) × \(load.seconds) s, \(Figure.whole(Double(keyCount))) keys of \(keyBytes) bytes, "
            + "values of \(valueBytes) bytes"
    }

    var versionSummary: String {
        versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    private func table(of result: ScenarioResult) -> Table {
        let isBulk = result.scenario.keysPerRequest > 1
        var table = Table(
            header: ["", "requests/s", "ours ÷ theirs"] + (isBulk ? ["keys/s"] : [])
                + ["p50", "p99", "CPU/request", "ours ÷ theirs", "spread"])
        for system in result.systems {
            let median = system.median
            let keys = median.requestsPerSecond * Double(result.scenario.keysPerRequest)
            table.rows.append(
                [system.title, Figure.whole(median.requestsPerSecond), ratio(result.rate, system.id)]
                    + (isBulk ? [Figure.whole(keys)] : [])
                    + [
                        Figure.milliseconds(median.p50), Figure.milliseconds(median.p99),
                        Figure.microseconds(median.processorTime), ratio(result.processorTime, system.id),
                        Figure.percent(median.spread),
                    ])
        }
        return table
    }

    private func table(of result: TrialResult) -> Table {
        var table = Table(header: ["", "requests/s", "refused/s", "p50", "p99", "CPU/request", "spread"])
        for system in result.systems {
            let median = system.median
            table.rows.append([
                system.title, Figure.whole(median.requestsPerSecond),
                median.refusedPerSecond > 0 ? Figure.whole(median.refusedPerSecond) : "",
                Figure.milliseconds(median.p50),
                Figure.milliseconds(median.p99), Figure.microseconds(median.processorTime),
                Figure.percent(median.spread),
            ])
        }
        return table
    }

    /// The cache's figure as a multiple of a peer's; nothing for the cache itself.
    func ratio(_ ratio: (Peer.ID) -> Double?, _ id: Peer.ID) -> String {
        guard id != .productionCache, let value = ratio(id) else { return "" }
        return Figure.ratio(value)
    }

    private var startTable: Table {
        var table = Table(header: ["", "median", "fastest", "slowest"])
        for start in starts {
            table.rows.append([
                start.title, Figure.milliseconds(start.median), Figure.milliseconds(start.fastest),
                Figure.milliseconds(start.slowest),
            ])
        }
        return table
    }

    /// A word of warning when the machine did much besides the run; nil if it was quiet.
    var unrest: String? {
        let measurements = (scenarios.flatMap(\.systems) + trials.flatMap(\.systems)).flatMap(\.rounds)
        guard let others = measurements.map(\.othersShare).median,
            let stolen = measurements.map(\.stolenShare).median, max(others, stolen) >= 0.05
        else { return nil }
        return "The machine was not quiet: in the middle measurement, other programs took \(Figure.percent(others)) "
            + "of its processors and the hypervisor \(Figure.percent(stolen)). Repeat the run when it is."
    }
}

extension Machine {
    /// The machine in a line.
    var summary: String {
        let gibibytes = Figure.whole(Double(memory) / 1_073_741_824)
        return "\(processor), \(cores) cores, \(gibibytes) GiB · \(kernel) · \(system)"
    }
}
