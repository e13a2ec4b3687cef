import ArgumentParser

/// Measures the cache beside what else one could run in its place, both in the same run on the same machine.
@main
struct CacheBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache-bench",
        abstract: "Measures Production Cache beside its peers.",
        discussion: """
            Figures of different machines, or of one machine on different days, do not compare; the ratios of one run \
            do. Every benchmark therefore measures its peers in the same run, in turns with the cache.
            """,
        subcommands: [
            HTTPBenchmark.self, MemoryBenchmark.self, MicroBenchmark.self, HitRatioBenchmark.self,
            SnapshotBenchmark.self,
            MemoryTrialCommand.self,
        ])
}
