import Foundation

/// What a run of the snapshot benchmark found.
struct SnapshotReport: BenchmarkReport {
    static let name = "snapshot"

    /// A snapshot that was written with no load beside it.
    struct Writing: Codable, Sendable {
        let milliseconds: Double
        let fileBytes: Int
        /// The most memory (RSS) while it was written, beyond what there was before.
        let addedBytes: Int
    }

    /// A start of the server that loaded it.
    struct Restore: Codable, Sendable {
        let entries: Int
        let milliseconds: Double

        var entriesPerSecond: Double { Double(entries) / milliseconds * 1000 }
    }

    let date: Date
    let machine: Machine
    let entries: Int
    /// GETs a second of the load: half of the peak.
    let rate: Double
    let rounds: Int
    let seconds: Int
    let seed: UInt64
    var quiet: [Measurement] = []
    var writing: [Measurement] = []
    /// Snapshots that were written beside the load.
    var snapshotsBesideLoad = 0
    var writings: [Writing] = []
    var restores: [Restore] = []
    var problems: [String] = []
    var targets: [TargetResult] = []

    var unrest: String? {
        let shares = (quiet + writing).map { $0.othersShare + $0.stolenShare }
        guard let share = shares.median, share > 0.1 else { return nil }
        return "others used \(Figure.percent(share)) of the processors: run it again on a quiet machine"
    }

    /// The middle of how many times the 99th percentile is what it is otherwise, of each round.
    var p99Ratio: Double? { zip(quiet, writing).map { $1.p99 / $0.p99 }.median }
    var addedMebibytes: Double? { writings.map { Double($0.addedBytes) / 1_048_576 }.max() }
    var restoredPerSecond: Double? { restores.map(\.entriesPerSecond).median }

    var measuredTargets: [TargetResult] {
        [
            TargetResult(
                "p99 of GETs at half of the peak rate, while writing against without", .atMost(2), measured: p99Ratio),
            TargetResult("memory that writing takes, MiB", .atMost(64), measured: addedMebibytes),
            TargetResult("entries restored a second", .atLeast(500_000), measured: restoredPerSecond),
        ]
    }

    var text: String {
        var sections = [
            """
            \(machine.summary)
            \(Figure.whole(Double(entries))) entries; GETs at \(Figure.whole(rate)) a second; \(rounds) rounds of \(seconds) s

            """,
            "GETs\n" + loadTable.aligned(), "Snapshots with no load beside them\n" + snapshotTable.aligned(),
            "Targets\n" + Table(of: targets).aligned(),
        ]
        if let unrest { sections.append(unrest + "\n") }
        if !problems.isEmpty {
            sections.append("INVALID: figures of this run mean nothing\n" + problems.map { "  \($0)\n" }.joined())
        }
        return sections.joined(separator: "\n")
    }

    var markdown: String { loadTable.markdown + "\n" + snapshotTable.markdown + "\n" + Table(of: targets).markdown }

    private var loadTable: Table {
        var table = Table(header: ["", "requests/s", "p50", "p99", "p99 of each round", "others"])
        for (title, measurements) in [("without", quiet), ("while writing", writing)] {
            guard let summary = Summary(measurements), let others = measurements.map(\.othersShare).median else {
                continue
            }
            table.rows.append([
                title, Figure.whole(summary.requestsPerSecond), Figure.milliseconds(summary.p50),
                Figure.milliseconds(summary.p99), measurements.map { Figure.decimal($0.p99) }.joined(separator: " "),
                Figure.percent(others),
            ])
        }
        return table
    }

    private var snapshotTable: Table {
        Table(
            header: ["", "milliseconds", "entries a second", "MiB of the file", "MiB more RSS"],
            rows: writings.map {
                [
                    "write", Figure.whole($0.milliseconds),
                    Figure.whole(Double(entries) / $0.milliseconds * 1000),
                    Figure.decimal(Double($0.fileBytes) / 1_048_576), Figure.decimal(Double($0.addedBytes) / 1_048_576),
                ]
            }
                + restores.map {
                    ["restore", Figure.whole($0.milliseconds), Figure.whole($0.entriesPerSecond), "", ""]
                })
    }
}
