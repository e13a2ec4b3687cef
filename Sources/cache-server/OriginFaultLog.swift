import Logging
import ReadThrough
import Threading

/// Tells the log why origins give no answer, which clients are not told: of each origin once a second at most, and how many more there were.
final class OriginFaultLog: Sendable {
    private struct Origin {
        var lastLine: ContinuousClock.Instant
        /// How many were not told since.
        var untold = 0
    }

    private let logger: Logger
    /// By what the log calls them.
    private let origins = Locked<[String: Origin]>([:])

    private static let interval = Duration.seconds(1)

    init(_ logger: Logger) { self.logger = logger }

    func add(_ route: OriginRoute, _ failure: FetchFailure, now: ContinuousClock.Instant = .now) {
        let name = route.template.withoutQuery
        let untold: Int? = origins.withLock { origins in
            guard let origin = origins[name], now - origin.lastLine < Self.interval else {
                return origins.updateValue(Origin(lastLine: now), forKey: name)?.untold ?? 0
            }
            origins[name] = Origin(lastLine: origin.lastLine, untold: origin.untold + 1)
            return nil
        }
        guard let untold else { return }
        logger.warning(
            "a load failed",
            metadata: [
                "origin": "\(name)", "error": "\(failure.reason)", "untold_before": .stringConvertible(untold),
            ])
    }
}
