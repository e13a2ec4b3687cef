import CacheCore
import CacheService
import Dispatch
import Glibc
import Logging
import Synchronization
import Threading

/// Loads the snapshot at the start, and writes it at an interval and at the end.
///
/// All of that comes one after another on one queue, so that nothing is written before what was there has been loaded. What can't be loaded
/// is not written over.
final class SnapshotKeeper: Sendable {
    private let path: String
    private let cache: ProductionCache
    private let logger: Logger
    private let queue: DispatchQueue
    /// Fires on the queue; nil if a snapshot is written at the end alone.
    // Its functions may be called from any thread.
    private nonisolated(unsafe) let timer: (any DispatchSourceTimer)?

    let figures = SnapshotFigures()

    /// Why what is there could be neither loaded nor kept aside: it is not written over, as it may be all that there is of the data.
    private let obstacle = Locked<String?>(nil)

    private let isHurried = Atomic(false)
    /// For how long a snapshot gives way to requests: they may leave no processor idle for ever.
    private static let patience = Duration.seconds(30)

    /// Those who wait for the next one that is begun.
    private let waiting = Locked<[@Sendable (Result<SnapshotReport, CacheError>) -> Void]>([])

    /// - Parameter interval: How often it is written; nil for at the end alone.
    init(path: String, interval: Duration?, cache: ProductionCache, logger: Logger) {
        self.path = path
        self.cache = cache
        self.logger = logger
        // From the beginning: the server answers before it is told to start.
        figures.load(RestoreProgress())
        cache.beginRestore()
        let queue = DispatchQueue(label: "snapshots")
        self.queue = queue
        timer = interval.map { interval in
            let timer = DispatchSource.makeTimerSource(queue: queue)
            let nanoseconds = Int((interval / .nanoseconds(1)).rounded())
            timer.schedule(deadline: .now() + .nanoseconds(nanoseconds), repeating: .nanoseconds(nanoseconds))
            return timer
        }
    }

    /// Begins to load what is there. The server is not ready until that is done, which `whenLoaded` is told.
    func start(whenLoaded: @escaping @Sendable () -> Void) {
        queue.async { [self] in
            load()
            cache.endRestore()
            figures.endLoading()
            whenLoaded()
        }
        timer?.setEventHandler { [self] in _ = write() }
        timer?.activate()
    }

    /// Has one that is being written give way to requests no longer: somebody waits for the server's end.
    func hurry() { isHurried.store(true, ordering: .relaxed) }

    /// Writes the last one, when no more requests are answered. What has not been loaded as a whole is left as it is.
    func finish() {
        timer?.cancel()
        hurry()
        guard !figures.isLoading else {
            logger.warning("no snapshot is written: the former has not been loaded yet", metadata: ["path": "\(path)"])
            return
        }
        queue.sync { _ = write() }
    }

    /// What the service has one written by.
    var writer: SnapshotWriter { { [self] in writeNow($0) } }

    /// Writes one soon, with all that is in the cache now. One that is being written already may lack some of that: it is the next
    /// one that counts, for all who ask until it is begun.
    ///
    /// - Parameter completion: Called when it is written, or cannot be.
    private func writeNow(_ completion: @escaping @Sendable (Result<SnapshotReport, CacheError>) -> Void) {
        let isFirst = waiting.withLock { waiting in
            waiting.append(completion)
            return waiting.count == 1
        }
        guard isFirst else { return }
        queue.async { [self] in
            let waiting = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            let result = write()
            for completion in waiting { completion(result) }
        }
    }

    private func load() {
        do throws(CacheError) {
            guard let report = try cache.restoreSnapshot(from: path, progress: { self.figures.load($0) }) else {
                logger.info("there is no snapshot yet", metadata: ["path": "\(path)"])
                return
            }
            let metadata: Logger.Metadata = [
                "path": "\(path)", "loaded": .stringConvertible(report.loaded),
                "expired": .stringConvertible(report.expired), "failed": .stringConvertible(report.failed),
                "superseded": .stringConvertible(report.superseded),
                "duration_ms": .stringConvertible(Int(report.duration / .milliseconds(1))),
            ]
            guard let damage = report.damage else {
                logger.info("snapshot loaded", metadata: metadata)
                return
            }
            if report.keptAs == nil {
                obstacle.withLock { $0 = "it is damaged, \(damage), and cannot be renamed to be kept aside" }
            }
            logger.error(
                "the snapshot is damaged: what is whole was loaded",
                metadata: metadata.merging(["damage": "\(damage)", "kept_as": "\(report.keptAs ?? path)"]) { $1 })
        } catch {
            obstacle.withLock { $0 = error.message }
            logger.error(
                "the snapshot cannot be read: it stays where it is, and none is written over it",
                metadata: ["path": "\(path)", "error": "\(error.message)"])
        }
    }

    /// - Throws: ``CacheError`` with `snapshotFailed` while that is there which was not loaded.
    private func checkIsFree() throws(CacheError) {
        guard let reason = obstacle.withLock({ $0 }) else { return }
        var status = stat()
        if lstat(path, &status) != 0, errno == ENOENT { return }
        throw CacheError(
            .snapshotFailed,
            "\(path) is not written over, because it was not loaded: \(reason); start the server again when that is mended, or move the file away"
        )
    }

    private func write() -> Result<SnapshotReport, CacheError> {
        let end = ContinuousClock.now + Self.patience
        do throws(CacheError) {
            try checkIsFree()
            let report = try cache.writeSnapshot(to: path) { [self] in
                !isHurried.load(ordering: .relaxed) && .now < end
            }
            // From now on it is this server's.
            obstacle.withLock { $0 = nil }
            figures.succeed(report, nanosecondsSince1970: cache.wallClock)
            logger.info(
                "snapshot written",
                metadata: [
                    "path": "\(path)", "entries": .stringConvertible(report.entries),
                    "bytes": .stringConvertible(report.bytes),
                    "duration_ms": .stringConvertible(Int(report.duration / .milliseconds(1))),
                ])
            return .success(report)
        } catch {
            figures.fail()
            logger.error("the snapshot cannot be written", metadata: ["error": "\(error.message)"])
            return .failure(error)
        }
    }
}
