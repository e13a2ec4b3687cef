import ArgumentParser

/// `cache-bench memory`: the options.
struct MemoryBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: "Measures the memory that entries take, beside memcached and Redis, and the longest operations.",
        discussion: """
            peers fills the service, memcached and Redis with the same entries and divides their memory (RSS) by the \
            number. fill does so with the library alone. churn writes ten times the limit into caches with a memory \
            limit. clear watches the memory after all was removed. pauses times every single operation with ten million \
            entries present. Ends as the benchmark over HTTP does: with 1 if figures mean nothing, and under --check \
            with 2 if a target was missed. Takes up to 5 GiB and some minutes.
            """)

    @Option(help: "Run only these parts, with commas between: \(Selection<MemoryPart>.names).")
    var only = Selection<MemoryPart>.everything

    @Option(help: "Seed of keys and sizes.")
    var seed: UInt64 = 1

    @Option(help: "The cache-server to measure. (default: the one beside this program)", completion: .file())
    var server: String?

    @Flag(help: "A twentieth of everything: whether all works, not how much it takes.")
    var quick = false

    @OptionGroup var reporting: ReportOptions

    func run() throws {
        Progress.sayIfUnoptimized()
        let (report, targets) = try withRunDirectory { directory in
            let run = MemoryRun(
                environment: try RunEnvironment(directory: directory, cacheServer: server),
                scale: quick ? .quick : .full, seed: seed)
            let report = try run.report(on: only)
            return (report, run.targets(report, of: only))
        }
        try reporting.publish(report, targets: targets)
    }
}
