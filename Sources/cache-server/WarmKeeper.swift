import CacheCore
import CacheService
import Glibc
import Logging
import ServiceLifecycle
import Synchronization

/// Has the cache filled from its sources, and tells the log, or who sits at the terminal, of it.
final class WarmKeeper: Sendable {
    /// A source of the start that has to be read cannot be read.
    struct Failure: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    let warmer: Warmer
    private let isRequired: Bool
    private let logger: Logger
    /// One element if a source failed that is required; then it ends, or never.
    private let failures = AsyncStream.makeStream(of: Failure.self)

    /// - Returns: nil if there are no sources.
    init?(_ configuration: ServerConfiguration, cache: ProductionCache, logger: Logger) {
        let warming = configuration.warming
        guard !warming.sources.isEmpty || !warming.startSources.isEmpty else { return nil }
        isRequired = warming.isRequired
        self.logger = logger
        let display = WarmDisplay(
            logger: logger, isTerminal: configuration.logFormat == .text && isatty(StandardOutput.descriptor) == 1)
        warmer = Warmer(
            cache: cache, limits: configuration.limits, sources: warming.sources, startSources: warming.startSources,
            observer: { display.tell($0) })
    }

    /// Begins to read the sources of the start.
    func start() {
        warmer.start(endsAtFailure: isRequired) { [self] failed in
            guard isRequired, let first = failed.first else { return }
            failures.continuation.yield(
                Failure(description: "cannot fill the cache from \(first.error ?? first.source)"))
        }
    }

    /// Ends what is being read.
    func cancel() { warmer.cancel() }

    /// Waits until nothing is being read, but not for long: what waits for a disk or a network may not notice that it is to end.
    ///
    /// - Returns: Whether nothing is.
    func isOver() async -> Bool {
        let deadline = ContinuousClock.now + Self.patience
        while warmer.isReading, ContinuousClock.now < deadline {
            do { try await Task.sleep(for: .milliseconds(5)) } catch { break }
        }
        return !warmer.isReading
    }

    private static let patience = Duration.seconds(2)

    fileprivate func firstFailure() async -> Failure? {
        for await failure in failures.stream { return failure }
        return nil
    }
}

extension WarmKeeper? {
    /// Returns when the server is to stop.
    ///
    /// - Throws: ``WarmKeeper/Failure`` if a source cannot be read that has to be.
    func endOfServing() async throws(WarmKeeper.Failure) {
        let failure = await withTaskGroup(of: WarmKeeper.Failure?.self) { group in
            group.addTask {
                do {
                    try await gracefulShutdown()
                } catch {
                    // The group was cancelled: another end came first.
                }
                return nil
            }
            if let self { group.addTask { await self.firstFailure() } }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        if let failure { throw failure }
    }
}
