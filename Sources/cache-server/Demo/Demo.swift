import ArgumentParser
import CacheCore
import Glibc

/// `cache-server demo`: a cache at work in this process, and what its statistics say of it.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a cache at work: warm it, use it, report what it did and how fast.",
        discussion: """
            Nothing listens and nothing stays. Three in ten operations are a put, the others a get; some of what is put \
            lives for milliseconds only.
            """,
        helpNames: [.short, .long])

    @Option(help: ArgumentHelp("Operations after the warming", valueName: "number"))
    var operations = 1000

    @Option(help: ArgumentHelp("Most entries that the cache holds", valueName: "number"))
    var capacity = 1000

    @Option(help: ArgumentHelp("Makes the same operations again (default: another one each time)", valueName: "number"))
    var seed: UInt64?

    func validate() throws {
        guard operations > 0 else { throw ValidationError("--operations must be a whole number, at least 1") }
        guard capacity > 0 else { throw ValidationError("--capacity must be a whole number, at least 1") }
    }

    func run() async throws {
        let seed = seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        let cache: ProductionCache
        do throws(CacheError) {
            cache = try ProductionCache(CacheConfiguration(capacity: capacity))
        } catch {
            throw CommandFailure(message: error.message, exitCode: ExitCode(EX_USAGE))
        }
        var workload = DemoWorkload(cache: cache, seed: seed)
        let progress = ProgressDisplay(total: operations, isTerminal: isatty(STDOUT_FILENO) == 1)

        try show("Production Cache \(CacheServer.version): demo with seed \(seed)\n\n")
        let loaded = try workload.warm()
        try show("Warmed \(loaded) items into a cache of \(capacity).\n")
        try show("Running \(operations) operations, 70 % get and 30 % put:\n")
        try await workload.run(operations: operations) { done in try show(progress.text(done: done)) }
        try show("\n" + DemoReport(cache.getStats(), workload.times).text)
    }

    private func show(_ text: String) throws(CommandFailure) {
        do throws(SystemError) {
            try File.write(text, to: STDOUT_FILENO)
        } catch {
            throw CommandFailure(message: "cannot write to standard output: \(error)", exitCode: ExitCode(EX_IOERR))
        }
    }
}
