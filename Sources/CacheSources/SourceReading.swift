internal import CacheCore

/// The reading of one source: where its items go, whom it tells how far it is, and whether to go on.
struct SourceReading: ~Copyable {
    var sink: ItemSink
    var progress = WarmProgress()
    private let tell: (WarmProgress) -> Void
    /// Asked whether to stop.
    let isCancelled: () -> Bool
    let backoff: Backoff

    init(
        _ sink: consuming ItemSink, backoff: Backoff, isCancelled: @escaping () -> Bool,
        tell: @escaping (WarmProgress) -> Void
    ) {
        self.sink = sink
        self.backoff = backoff
        self.isCancelled = isCancelled
        self.tell = tell
    }

    /// Puts in what has been read, and tells of it.
    ///
    /// - Throws: ``SourceFailure/cancelled``.
    mutating func flush() throws(SourceFailure) {
        do throws(CancellationError) {
            try sink.flush()
        } catch {
            throw .cancelled
        }
        report()
        if isCancelled() { throw .cancelled }
    }

    mutating func flushIfFull() throws(SourceFailure) {
        if sink.isFull { try flush() }
    }

    /// What became of all, once the last has been put in.
    mutating func finish() -> WarmReport {
        let result = sink.finish()
        report()
        return result
    }

    private mutating func report() {
        progress.loaded = sink.report.loaded
        progress.failed = sink.report.failed
        progress.expired = sink.report.expired
        tell(progress)
    }

    /// Waits before another try, if there is to be one.
    ///
    /// - Parameters:
    ///   - failures: How many there were in a row.
    ///   - least: The shortest wait.
    /// - Throws: `failure` if it does not pass by itself, or there were enough of them.
    mutating func pause(
        after failure: SourceFailure, failures: Int, atLeast least: Duration = .zero
    ) throws(SourceFailure) {
        guard failure.isTransient, failures < backoff.attempts else { throw failure }
        progress.lastInterruption = failure.reason
        report()
        let end = backoff.now() + max(backoff.delay(after: failures), least)
        while backoff.now() < end {
            if isCancelled() { throw .cancelled }
            // In short steps, so that a server that stops need not wait for it.
            backoff.sleep(min(end - backoff.now(), .milliseconds(100)))
        }
    }
}
