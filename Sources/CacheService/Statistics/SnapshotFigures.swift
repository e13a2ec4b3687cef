public import CacheCore
internal import Threading

/// Writes a snapshot of what is in the cache when it is called, or later. It does not block the caller; it calls back once, on any thread.
public typealias SnapshotWriter =
    @Sendable (
        _ completion: @escaping @Sendable (Result<SnapshotReport, CacheError>) -> Void
    ) -> Void

/// What is told of a server's snapshots: at `/readyz` while one is loaded, in `/stats` and `/metrics`.
public final class SnapshotFigures: Sendable {
    struct State {
        /// How far the loading is; nil when it is over.
        var loading: RestoreProgress?
        /// The last that was written, and when, in nanoseconds since 1970.
        var written: (report: SnapshotReport, time: Int64)?
        /// How many could not be written.
        var failures = 0
    }

    private let locked = Locked(State())

    public init() {}

    /// Says at `/readyz` that the server is not ready yet, and how far it is, until ``endLoading()``.
    public func load(_ progress: RestoreProgress) { locked.withLock { $0.loading = progress } }
    public func endLoading() { locked.withLock { $0.loading = nil } }

    /// Whether a snapshot is still being loaded.
    public var isLoading: Bool { locked.withLock { $0.loading != nil } }

    public func succeed(_ report: SnapshotReport, nanosecondsSince1970 time: Int64) {
        locked.withLock { $0.written = (report, time) }
    }
    public func fail() { locked.withLock { $0.failures += 1 } }

    var state: State { locked.withLock { $0 } }
}
