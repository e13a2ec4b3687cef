import ArgumentParser
import Foundation

/// `cache-bench http`: the options, and what becomes of the report.
struct HTTPBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http",
        abstract: "Loads the running service and its peers by HTTP, in turns.",
        discussion: """
            Starts every server by itself on free ports of 127.0.0.1, and ends it. What is not installed is left out, \
            and said so. Ends with 0 if the figures are valid, with 1 if they are not, and under --check with 2 if a \
            target of the parts that ran was missed or could not be measured.
            """)

    @Option(help: "Run only these parts, with commas between: \(Selection<HTTPPart>.names).")
    var only = Selection<HTTPPart>.everything

    @Option(help: "Measurements of each system in each part; the median counts.")
    var rounds = 5

    @Option(help: "Seconds of one measurement.")
    var seconds = 3

    @Option(help: "Keep-alive connections of the load.")
    var connections = 64

    // One load thread a core. With fewer, a server that needs less time a request than the load generator does would
    // wait for it, and the fastest systems would all look alike; with one a core, no core idles while a request waits,
    // and a rate tells what a request costs both sides together.
    @Option(help: "Threads of the load generator; as many as cores show differences best.")
    var loadThreads = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Seed of the order in which keys are asked for.")
    var seed: UInt64 = 1

    @Option(help: "The cache-server to measure. (default: the one beside this program)", completion: .file())
    var server: String?

    @Flag(help: "One round of one second each: whether all works, not how fast it is.")
    var quick = false

    @OptionGroup var reporting: ReportOptions

    func validate() throws {
        try require([
            ("--rounds", rounds, 1...1000), ("--seconds", seconds, 1...3600),
            ("--connections", connections, 1...10_000),
        ])
        try require([("--load-threads", loadThreads, 1...connections)])
    }

    func run() throws {
        Progress.sayIfUnoptimized()
        let report = try withRunDirectory { directory in
            let run = HTTPRun(
                environment: try RunEnvironment(directory: directory, cacheServer: server),
                workload: Workload(seed: seed),
                load: LoadShape(connections: connections, threads: loadThreads, seconds: quick ? 1 : seconds),
                rounds: quick ? 1 : rounds)
            return try run.report(on: only)
        }
        try reporting.publish(report, targets: report.targets(of: only))
    }
}
