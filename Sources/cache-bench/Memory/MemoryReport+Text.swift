extension MemoryReport {
    var text: String {
        var sections = [heading]
        if !comparisons.isEmpty {
            sections.append("The same entries in each server\n" + comparisonTable.aligned())
        }
        if let fill {
            sections.append("In the library alone\n" + table(of: fill).aligned())
        }
        if !churns.isEmpty {
            sections.append("At the memory limit\n" + churnTable.aligned())
        }
        if !declines.isEmpty {
            sections.append("After a clear\n" + declineTable.aligned())
        }
        if let pauses {
            sections.append("Single operations\n" + table(of: pauses).aligned())
        }
        sections.append("Targets\n" + Table(of: targets).aligned())
        if !isFull {
            sections.append(
                "A quick run: whether all works. The processes' own memory outweighs that of so few entries.\n")
        }
        if !skipped.isEmpty {
            sections.append("Skipped\n" + skipped.map { "  \($0.system): \($0.reason)\n" }.joined())
        }
        if !problems.isEmpty {
            sections.append("INVALID: figures of this run mean nothing\n" + problems.map { "  \($0)\n" }.joined())
        }
        return sections.joined(separator: "\n")
    }

    private var heading: String {
        """
        \(machine.summary)
        keys of \(EntryFill.keys.byteCount) bytes, a time to live for each entry
        \(versionSummary)

        """
    }

    var versionSummary: String {
        versions.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    var comparisonTable: Table {
        var table = Table(
            header: [
                "values", "", "entries", "key + value", "RSS before", "RSS after", "added an entry", "RSS an entry",
                "useful",
            ], leading: 2)
        for comparison in comparisons {
            for (index, system) in comparison.systems.enumerated() {
                table.rows.append([
                    index == 0 ? comparison.values : "", system.title, Figure.whole(Double(comparison.entries)),
                    Figure.bytes(comparison.usefulBytesPerEntry), Figure.mebibytes(system.bytesBefore),
                    Figure.mebibytes(system.bytesAfter), Figure.bytes(system.addedBytesPerEntry),
                    Figure.bytes(system.bytesPerEntry),
                    Figure.percent(Double(comparison.usefulBytes) / Double(system.bytesAfter)),
                ])
            }
        }
        return table
    }

    private func table(of fill: FillTrial.Outcome) -> Table {
        func each(_ bytes: Int) -> String { Figure.bytes(Double(bytes) / Double(fill.entries)) }
        return Table(
            header: [
                "entries", "key + value", "RSS before", "RSS after", "added an entry", "RSS an entry",
                "counted an entry",
            ], leading: 0,
            rows: [
                [
                    Figure.whole(Double(fill.entries)), each(fill.usefulBytes), Figure.mebibytes(fill.bytesBefore),
                    Figure.mebibytes(fill.bytesAfter), each(fill.bytesAfter - fill.bytesBefore),
                    each(fill.bytesAfter), each(fill.bytesBooked),
                ]
            ])
    }

    private var churnTable: Table {
        var table = Table(
            header: [
                "limit", "", "written", "entries", "RSS after", "÷ limit", "RSS at most", "key + value ÷ limit",
                "counted ÷ limit",
            ], leading: 2)
        for churn in churns {
            func share(_ bytes: Int) -> String { Figure.decimal(Double(bytes) / Double(churn.limit)) }
            for (index, phase) in churn.phases.enumerated() {
                table.rows.append([
                    index == 0 ? Figure.mebibytes(churn.limit) : "", phase.title,
                    Figure.ratio(Double(phase.bytesWritten) / Double(churn.limit)),
                    Figure.whole(Double(phase.entries)), Figure.mebibytes(phase.bytesAfter),
                    share(phase.bytesAfter), Figure.mebibytes(phase.bytesAtMost), share(phase.usefulBytes),
                    share(phase.bytesBooked),
                ])
            }
        }
        return table
    }

    private var declineTable: Table {
        var table = Table(header: ["", "RSS before", "at once", "least in 10 s", "below 100 MiB after"])
        for decline in declines {
            let memory = decline.memory
            table.rows.append([
                "\(decline.subject)", Figure.mebibytes(memory.bytesBefore),
                memory.looks.first.map { Figure.mebibytes($0.bytes) } ?? "",
                memory.leastBytes.map(Figure.mebibytes) ?? "",
                memory.seconds(untilBelow: 100 * 1_048_576).map { Figure.decimal($0) + " s" } ?? "never",
            ])
        }
        return table
    }

    private func table(of pauses: PauseTrial.Outcome) -> Table {
        var table = Table(
            header: [
                "", "", "count", "p50", "p99", "p99.9", "longest", "by CPU time", "over 5 ms", "(preempted)",
                "by CPU time",
            ], leading: 2)
        for phase in pauses.phases {
            for (index, kind) in phase.kinds.enumerated() {
                let times = kind.times
                table.rows.append([
                    index == 0 ? phase.phase.title : "", kind.operation.rawValue, Figure.whole(Double(times.count)),
                    Figure.microseconds(times.p50), Figure.microseconds(times.p99), Figure.microseconds(times.p999),
                    Figure.milliseconds(times.longest / 1000), Figure.milliseconds(times.longestOnProcessor / 1000),
                    "\(times.beyondBound)", "\(times.beyondBoundAndPreempted)", "\(times.beyondBoundOnProcessor)",
                ])
            }
            table.rows.append([
                "", "idle loop", "", "", "", "", Figure.milliseconds(phase.idle.longest / 1000), "",
                "\(phase.idle.beyondBound)", "", "",
            ])
        }
        return table
    }
}
