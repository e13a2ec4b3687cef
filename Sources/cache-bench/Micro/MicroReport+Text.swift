extension MicroReport {
    var text: String {
        var sections = [heading]
        sections += rows.map { "\($0.title)\n" + table(of: $0).aligned() }
        if !threads.isEmpty { sections.append("\(Self.threadTitle)\n" + threadTable.aligned()) }
        sections.append("Targets\n" + Table(of: targets).aligned())
        if let unrest { sections.append("\(unrest)\n") }
        return sections.joined(separator: "\n")
    }

    private var heading: String {
        """
        \(machine.summary)
        \(loadSummary)

        """
    }

    var loadSummary: String {
        "median of \(rounds) rounds of \(Figure.decimal(seconds)) s each, "
            + "keys of \(MicroStores.usualKeys.byteCount) bytes, values of \(MicroStores.value.count) bytes"
    }

    private static let threadTitle = "Threads, 95 % reads, operations/s"

    private func table(of result: MicroResult) -> Table {
        var table = Table(header: ["", "time", "operations/s", "ours ÷ theirs", "spread", "in background"])
        for contender in result.contenders {
            table.rows.append([
                contender.title, Figure.nanoseconds(contender.median.operation),
                Figure.whole(1e9 / contender.median.operation), ratio(of: result, to: contender),
                Figure.percent(contender.spread), Figure.nanoseconds(contender.median.background),
            ])
        }
        return table
    }

    /// The cache's rate as a multiple of a contender's; nothing for the cache itself.
    private func ratio(of row: MicroResult, to contender: MicroResult.Entry) -> String {
        guard contender.id != .cache, let rate = row.rate(against: contender.id) else { return "" }
        return Figure.ratio(rate)
    }

    private var threadTable: Table {
        let counts = threads.flatMap { $0.entries.map(\.threads) }.reduce(into: [Int]()) { counts, count in
            if !counts.contains(count) { counts.append(count) }
        }
        var table = Table(header: [""] + counts.map { $0 == 1 ? "1 thread" : "\($0) threads" } + ["2 ÷ 1", "64 ÷ 2"])
        for result in threads {
            let rates = counts.map { count in
                result.entries.first { $0.threads == count }.map { Figure.whole($0.median) } ?? ""
            }
            table.rows.append(
                [result.title] + rates
                    + [(2, 1), (64, 2)].map { result.ratio($0, to: $1).map(Figure.ratio) ?? "" })
        }
        return table
    }

    /// The rates as a README has them, and the threads'.
    var markdown: String {
        var table = Table(header: ["", "", "time", "ours ÷ theirs"], leading: 2)
        for row in rows {
            for (index, contender) in row.contenders.enumerated() {
                table.rows.append([
                    index == 0 ? "**\(row.title)**" : "", index == 0 ? "**\(contender.title)**" : contender.title,
                    Figure.nanoseconds(contender.median.operation), ratio(of: row, to: contender),
                ])
            }
        }
        return table.markdown + "\n" + (threads.isEmpty ? "" : threadTable.markdown + "\n")
            + "Measured by `cache-bench micro` on: \(machine.summary); \(loadSummary).\n"
    }

    var unrest: String? {
        guard max(othersShare, stolenShare) >= 0.05 else { return nil }
        return
            "The machine was not quiet: other programs took \(Figure.percent(othersShare)) of its processors and the "
            + "hypervisor \(Figure.percent(stolenShare)). What threads do together needs all of it: repeat the run."
    }
}
