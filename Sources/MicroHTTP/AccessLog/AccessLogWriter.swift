internal import Dispatch
internal import Glibc
internal import Synchronization
internal import Threading

/// Writes the lines of all threads of a server: the log's own thread, and what others tell it.
final class AccessLogWriter: Sendable {
    private let file: AccessLogFile
    private let report: @Sendable (AccessLog.Loss) -> Void
    private let state = Locked(State())
    private let news = DispatchSemaphore(value: 0)
    /// Whether the thread was woken and has not looked since.
    private let isWoken = Atomic(false)
    private let isEnding = Atomic(false)
    /// Lines that were lost in writing.
    private let lost = Atomic(0)

    private struct State {
        var queues: [AccessLogQueue] = []
        /// Who waits for all to be written.
        var waiting: [DispatchSemaphore] = []
    }

    /// What the writing thread knows of losses.
    struct Losses {
        fileprivate var reported = 0
        fileprivate var lastReport: Int64?
        fileprivate var error: CInt = 0
        /// Whether what takes the lines has taken or refused some: while it does neither, a report would not get through either.
        fileprivate var hasMoved = false

        init() {}
    }

    init(_ file: AccessLogFile, report: @escaping @Sendable (AccessLog.Loss) -> Void) {
        self.file = file
        self.report = report
    }

    // MARK: Any thread

    /// How many lines had no room, or could not be written.
    var droppedLines: Int {
        state.withLock { $0.queues.reduce(0) { $0 + $1.droppedLines } } + lost.load(ordering: .relaxed)
    }

    func add(_ queue: AccessLogQueue) { state.withLock { $0.queues.append(queue) } }

    /// Has the lines written that there are.
    func wake() {
        if !isWoken.exchange(true, ordering: .acquiringAndReleasing) { news.signal() }
    }

    /// - Throws: ``AccessLogError`` if the file cannot be opened.
    func reopen() throws(AccessLogError) {
        try file.reopen()
        wake()
    }

    /// Returns when the lines are written that there are, or the time is over.
    func flush(within patience: Duration) {
        let done = DispatchSemaphore(value: 0)
        state.withLock { $0.waiting.append(done) }
        wake()
        let (seconds, attoseconds) = patience.components
        _ = done.wait(timeout: .now() + .seconds(Int(seconds)) + .nanoseconds(Int(attoseconds / 1_000_000_000)))
    }

    /// Ends the thread, once the lines are written that there are, if they can be written at once.
    func end() {
        isEnding.store(true, ordering: .releasing)
        wake()
    }

    // MARK: The log's thread

    func start() { BlockingThread.start { [self] in run() } }

    private func run() {
        var losses = Losses()
        while true {
            _ = news.wait(timeout: .now() + .seconds(1))
            isWoken.store(false, ordering: .sequentiallyConsistent)
            let isEnding = isEnding.load(ordering: .acquiring)
            let waiting = state.withLock { state in
                defer { state.waiting = [] }
                return state.waiting
            }
            writeAll(&losses)
            tell(&losses, at: AccessLogClock.now, isLast: !waiting.isEmpty)
            for semaphore in waiting { semaphore.signal() }
            if isEnding { return }
        }
    }

    /// Writes all lines that there are.
    func writeAll(_ losses: inout Losses) {
        for queue in state.withLock({ $0.queues }) {
            while let piece = queue.take() {
                let failure = file.write(piece.bytes) { !isEnding.load(ordering: .acquiring) }
                if let failure {
                    let lines = piece.bytes.suffix(failure.lost).count { $0 == UInt8(ascii: "\n") }
                    lost.wrappingAdd(lines, ordering: .relaxed)
                    losses.error = failure.error
                }
                losses.hasMoved = true
                queue.taken(piece)
            }
        }
    }

    /// Reports the lines that were lost since the last report, if that is a second ago, or the last one.
    func tell(_ losses: inout Losses, at now: Int64, isLast: Bool) {
        let dropped = droppedLines
        guard dropped > losses.reported, losses.hasMoved else { return }
        if !isLast, let last = losses.lastReport, now - last < 1_000_000_000 { return }
        let error = losses.error == 0 ? nil : String(cString: strerror(losses.error))
        report(AccessLog.Loss(lines: dropped - losses.reported, systemError: error))
        losses = Losses()
        losses.reported = dropped
        losses.lastReport = now
    }
}
