extension HTTPReport {
    /// The figures as a README has them: one table, and the machine under it.
    var markdown: String {
        var table = Table(
            header: ["", "", "requests/s", "ours ÷ theirs", "p50", "p99", "CPU a request", "ours ÷ theirs"], leading: 2)
        for result in scenarios {
            for (index, system) in result.systems.enumerated() {
                let median = system.median
                table.rows.append([
                    index == 0 ? "**\(result.scenario.title)**" : "",
                    index == 0 ? "**\(system.title)**" : system.title,
                    Figure.whole(median.requestsPerSecond), ratio(result.rate, system.id),
                    Figure.milliseconds(median.p50), Figure.milliseconds(median.p99),
                    Figure.microseconds(median.processorTime), ratio(result.processorTime, system.id),
                ])
            }
        }
        for result in trials {
            for (index, system) in result.systems.enumerated() {
                let median = system.median
                table.rows.append([
                    index == 0 ? "**\(result.title)**" : "", system.title,
                    Figure.whole(median.requestsPerSecond), "", Figure.milliseconds(median.p50),
                    Figure.milliseconds(median.p99), Figure.microseconds(median.processorTime), "",
                ])
            }
        }
        let starts = starts.map {
            "\($0.title) gives its first answer \(Figure.milliseconds($0.median)) after its start."
        }
        return table.markdown
            + "\n" + (starts.isEmpty ? "" : starts.joined(separator: " ") + "\n\n")
            + "Measured by `make bench` on: \(machine.summary). \(loadSummary); load and servers share the machine. "
            + "\(versionSummary).\n"
    }
}
