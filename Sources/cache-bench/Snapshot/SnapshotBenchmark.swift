import ArgumentParser
import Foundation

/// `cache-bench snapshot`: the options.
struct SnapshotBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Measures what writing and loading snapshots costs.",
        discussion: """
            Fills the service with entries, and loads it with GETs at half of its peak rate, in turns without snapshots and \
            with one written after another; then looks how much memory the writing of one takes, and how long a start \
            takes that loads it. Ends with 1 if figures mean nothing, and under --check with 2 if a target was missed.
            """)

    @Option(help: "Entries in the snapshot.")
    var entries = 1_000_000

    @Option(help: "Measurements of each kind; the median counts.")
    var rounds = 5

    @Option(help: "Seconds of one measurement.")
    var seconds = 5

    @Option(help: "Keep-alive connections of the load that finds the peak rate.")
    var connections = 64

    @Option(help: "Seed of the order in which keys are asked for.")
    var seed: UInt64 = 1

    @Option(help: "The cache-server to measure. (default: the one beside this program)", completion: .file())
    var server: String?

    @Flag(help: "One round of one second with a twentieth of the entries: whether all works, not how fast it is.")
    var quick = false

    @OptionGroup var reporting: ReportOptions

    func validate() throws {
        try require([
            ("--entries", entries, Workload.keyCount...100_000_000), ("--rounds", rounds, 1...1000),
            ("--seconds", seconds, 1...3600), ("--connections", connections, 1...10_000),
        ])
    }

    func run() throws {
        Progress.sayIfUnoptimized()
        let report = try withRunDirectory { directory in
            let run = SnapshotRun(
                http: HTTPRun(
                    environment: try RunEnvironment(directory: directory, cacheServer: server),
                    workload: Workload(seed: seed),
                    load: LoadShape(
                        connections: connections, threads: ProcessInfo.processInfo.activeProcessorCount,
                        seconds: quick ? 1 : seconds),
                    rounds: quick ? 1 : rounds),
                entries: quick ? max(Workload.keyCount, entries / 20) : entries)
            return try run.report()
        }
        try reporting.publish(report, targets: report.targets)
    }
}
