import CacheService
import Logging
import Synchronization

/// Tells how far the filling from each source is: by a bar on a terminal, by a line of the log every few seconds elsewhere.
final class WarmDisplay: Sendable {
    private let logger: Logger
    private let isTerminal: Bool
    /// When a line was written last for each source.
    private let told = Mutex<[String: ContinuousClock.Instant]>([:])

    private static let lineInterval = Duration.seconds(3)

    init(logger: Logger, isTerminal: Bool) {
        self.logger = logger
        self.isTerminal = isTerminal
    }

    func tell(_ status: WarmStatus) {
        switch status.state {
        case .waiting: break
        case .running: tellRunning(status)
        case .done:
            forget(status)
            logger.info("warmed", metadata: status.metadata)
        case .failed:
            forget(status)
            logger.warning("a source of the cache failed", metadata: status.metadata)
        }
    }

    private func tellRunning(_ status: WarmStatus) {
        if isTerminal { return StandardOutput.show(bar: Self.bar(of: status)) }
        let now = ContinuousClock.now
        let isDue = told.withLock { told in
            let last = told[status.source]
            guard last.map({ now - $0 >= Self.lineInterval }) ?? true else { return false }
            told[status.source] = now
            return true
        }
        if isDue { logger.info("warming", metadata: status.metadata) }
    }

    private func forget(_ status: WarmStatus) {
        _ = told.withLock { $0.removeValue(forKey: status.source) }
    }

    /// Such as `users [######........] 40 %, 400000 entries, 350000/s`.
    private static func bar(of status: WarmStatus) -> String {
        var text = "\(status.source) "
        if let done = status.bytesDone, let total = status.bytesTotal, total > 0 {
            text += ProgressDisplay.bar(percent: min(100, done * 100 / total)) + ", "
        }
        return text + "\(status.loaded) entries, \(Int(status.rate))/s"
    }
}

extension WarmStatus {
    fileprivate var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [
            "source": "\(source)", "loaded": .stringConvertible(loaded), "failed": .stringConvertible(failed),
            "expired": .stringConvertible(expired), "rate": .stringConvertible(Int(rate)),
        ]
        if let bytesDone, let bytesTotal, bytesTotal > 0 {
            metadata["percent"] = .stringConvertible(min(100, bytesDone * 100 / bytesTotal))
        }
        if let error { metadata["error"] = "\(error)" }
        if let firstItemError { metadata["first_failed"] = "\(firstItemError)" }
        return metadata
    }
}
