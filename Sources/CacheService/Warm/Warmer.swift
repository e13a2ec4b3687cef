public import CacheCore
public import CacheSources
internal import Synchronization
internal import Threading

/// Fills the cache from sources: at the start from some, one after another, and from those that have names when a client asks for it.
///
/// Each source is read on a thread of its own; from one, and from one name, at most once at a time.
public final class Warmer: Sendable {
    /// A source by the name that the configuration has for it, or else by its URL.
    public struct Source: Sendable {
        public let name: String
        /// Makes it, with the secrets as they are now.
        let make: @Sendable () throws(CacheError) -> WarmSource

        /// - Parameter make: Called each time that the source is read.
        public init(name: String, make: @escaping @Sendable () throws(CacheError) -> WarmSource) {
            self.name = name
            self.make = make
        }
    }

    /// What can be wrong with a request to fill the cache from a source.
    enum Refusal: Error {
        case notFound(names: [String])
        case busy
        /// All that is being read is to end.
        case stopping
    }

    private struct State {
        /// In the order of their first use.
        var entries: [Entry]
        /// How many sources are being read, or about to be: counted before there is a thread for one.
        var readers = 0
        /// Whether the sources of the start are still to be read, or being read.
        var isStarting: Bool
    }

    private struct Entry {
        var status: WarmStatus
        /// What former readings of the source counted.
        var before = (loaded: 0, failed: 0, expired: 0)
    }

    /// What is counted of a source, all its readings together.
    struct Totals {
        var status: WarmStatus
        var loaded: Int
        var failed: Int
        var expired: Int
    }

    private let cache: ProductionCache
    private let limits: EntryLimits
    private let sources: [Source]
    private let startSources: [Source]
    private let observer: @Sendable (WarmStatus) -> Void
    private let state: Locked<State>
    private let isCancelled = Atomic<Bool>(false)

    /// - Parameters:
    ///   - sources: Those that clients may name.
    ///   - startSources: Those that ``start(whenDone:)`` reads.
    ///   - observer: Told each source's status when it begins, several times a second, and when it has ended.
    public init(
        cache: ProductionCache, limits: ServiceLimits, sources: [Source] = [], startSources: [Source] = [],
        observer: @escaping @Sendable (WarmStatus) -> Void = { _ in }
    ) {
        self.cache = cache
        self.limits = limits.entries
        self.sources = sources
        self.startSources = startSources
        self.observer = observer
        state = Locked(
            State(
                entries: startSources.map { Entry(status: WarmStatus(source: $0.name)) },
                isStarting: !startSources.isEmpty))
    }

    /// Whether a source of the start is still to be read, or being read: the server is not ready then.
    public var isStarting: Bool { state.withLock { $0.isStarting } }

    /// How far each source is that was read, or is to be.
    public var statuses: [WarmStatus] { state.withLock { $0.entries.map(\.status) } }

    /// Begins to read the sources of the start.
    ///
    /// - Parameters:
    ///   - endsAtFailure: Whether those behind one that fails are left unread, and the server is not ready.
    ///   - whenDone: Told those that failed, when all have ended.
    public func start(endsAtFailure: Bool = false, whenDone: @escaping @Sendable ([WarmStatus]) -> Void) {
        BlockingThread.start { [self] in
            var failures: [WarmStatus] = []
            for source in startSources {
                do { try begin(source.name) } catch { break }
                guard case .failure = run(source), let status = status(of: source.name) else { continue }
                failures.append(status)
                if endsAtFailure { return whenDone(failures) }
            }
            state.withLock { $0.isStarting = false }
            whenDone(failures)
        }
    }

    /// Begins to read a source that has a name.
    ///
    /// - Parameter whenDone: Told what became of it, on the thread that read it.
    /// - Throws: ``Refusal`` if there is no such source, it is being read, or ``cancel()`` was called.
    func start(named name: String, whenDone: @escaping @Sendable (Result<WarmReport, CacheError>) -> Void)
        throws(Refusal)
    {
        guard let source = sources.first(where: { $0.name == name }) else {
            throw .notFound(names: sources.map(\.name))
        }
        try begin(name, unlessBusy: true)
        BlockingThread.start { [self] in whenDone(run(source)) }
    }

    /// Lets what is being read end soon, which counts as failed, and nothing more begin.
    public func cancel() {
        // Under the lock that a reading begins under: what has begun by then is counted, and what has not will not.
        state.withLock { _ in isCancelled.store(true, ordering: .relaxed) }
    }

    /// Whether a source is being read. Once it is not after ``cancel()``, none will be.
    public var isReading: Bool { state.withLock { $0.readers > 0 } }

    var totals: [Totals] {
        state.withLock { state in
            state.entries.map { entry in
                Totals(
                    status: entry.status, loaded: entry.before.loaded + entry.status.loaded,
                    failed: entry.before.failed + entry.status.failed,
                    expired: entry.before.expired + entry.status.expired)
            }
        }
    }

    private func status(of name: String) -> WarmStatus? {
        state.withLock { $0.entries.first { $0.status.source == name }?.status }
    }

    /// Counts a source as being read, which ``run(_:)`` is to be called for.
    ///
    /// - Parameter unlessBusy: Whether one that is to be read at the start, or is being read, is left as it is.
    /// - Throws: ``Refusal`` if it is busy then, or ``cancel()`` was called.
    private func begin(_ name: String, unlessBusy: Bool = false) throws(Refusal) {
        try state.withLock { state throws(Refusal) in
            if isCancelled.load(ordering: .relaxed) { throw .stopping }
            var entry = Entry(status: WarmStatus(source: name))
            let place = state.entries.firstIndex { $0.status.source == name }
            if let place {
                let old = state.entries[place]
                if unlessBusy, old.status.state == .running || old.status.state == .waiting { throw .busy }
                entry.before = (
                    old.before.loaded + old.status.loaded, old.before.failed + old.status.failed,
                    old.before.expired + old.status.expired
                )
            }
            entry.status.state = .running
            if let place { state.entries[place] = entry } else { state.entries.append(entry) }
            state.readers += 1
        }
    }

    /// Reads a source that has begun.
    private func run(_ source: Source) -> Result<WarmReport, CacheError> {
        defer { state.withLock { $0.readers -= 1 } }
        let start = ContinuousClock.now
        var last = WarmStatus(source: source.name)
        last.state = .running
        observer(last)
        var told = start
        func tell(_ change: (inout WarmStatus) -> Void, isEnd: Bool = false) {
            change(&last)
            let elapsed = (ContinuousClock.now - start) / .seconds(1)
            last.rate = elapsed > 0 ? (Double(last.loaded) / elapsed).rounded() : 0
            let status = last
            state.withLock { state in
                guard let place = state.entries.firstIndex(where: { $0.status.source == status.source }) else { return }
                state.entries[place].status = status
            }
            if isEnd || ContinuousClock.now - told >= Self.observerInterval {
                told = ContinuousClock.now
                observer(status)
            }
        }
        do throws(CacheError) {
            let report = try source.make().load(
                into: cache, limits: limits,
                isCancelled: { self.isCancelled.load(ordering: .relaxed) },
                progress: { progress in tell { $0.take(progress) } })
            tell(
                {
                    $0.state = .done
                    $0.firstItemError = report.errors.first.map { "item \($0.line): \($0.detail)" }
                }, isEnd: true)
            return .success(report)
        } catch {
            tell(
                {
                    $0.state = .failed
                    $0.error = error.message
                }, isEnd: true)
            return .failure(error)
        }
    }

    private static let observerInterval = Duration.milliseconds(200)
}

extension WarmStatus {
    fileprivate mutating func take(_ progress: WarmProgress) {
        loaded = progress.loaded
        failed = progress.failed
        expired = progress.expired
        bytesDone = progress.bytesDone
        bytesTotal = progress.bytesTotal
        error = progress.lastInterruption
    }
}
