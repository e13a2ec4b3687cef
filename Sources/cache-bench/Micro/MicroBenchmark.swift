import ArgumentParser

/// `cache-bench micro`: the options.
struct MicroBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "micro",
        abstract: "Times single calls of the library beside a dictionary behind a lock and NSCache, in turns.",
        discussion: """
            Contenders are asked for the same keys in the same order, with strings that are not the objects they have \
            stored. Times are a thread's own processor time; what threads do together is measured by the wall clock. \
            Under --check it ends with 2 if a target of the parts that ran was missed. large takes some 6 GiB.
            """)

    @Option(help: "Run only these parts, with commas between: \(Selection<MicroPart>.names).")
    var only = Selection<MicroPart>.everything

    @Option(help: "Measurements of each contender; the median counts.")
    var rounds = 7

    @Option(help: "Seconds of one measurement, at least.")
    var seconds = 0.3

    @Option(help: "Entries in the stores.")
    var entries = 100_000

    @Option(help: "Entries in the stores of the part large.")
    var largeEntries = 10_000_000

    @Option(help: "Measure this contender alone, as for a profile: \(MicroContender.names).")
    var contender: MicroContender?

    @Option(help: "Seed of the order in which keys are asked for.")
    var seed: UInt64 = 1

    @OptionGroup var reporting: ReportOptions

    func validate() throws {
        try require([
            ("--rounds", rounds, 1...1000), ("--entries", entries, 1...10_000_000),
            ("--large-entries", largeEntries, 1...10_000_000),
        ])
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds must be more than 0 and at most 3600, not \(seconds)")
        }
    }

    func run() throws {
        Progress.sayIfUnoptimized()
        let run = MicroRun(
            rounds: rounds, seconds: seconds, seed: seed, entries: entries, largeEntries: largeEntries, only: contender)
        let report = try run.report(on: only)
        try reporting.publish(report, targets: run.targets(report, of: only))
    }
}

extension MicroContender: ExpressibleByArgument {
    fileprivate static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
