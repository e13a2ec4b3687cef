internal import Histogram
internal import MicroHTTP
internal import Threading

/// The operations whose latencies are recorded.
enum Operation: Int, CaseIterable, Sendable {
    case get, put, mget, mput
    /// A load from an origin, which is no request's.
    case load

    /// Those that are requests.
    static let ofRequests: [Operation] = [.get, .put, .mget, .mput]

    var name: String { "\(self)" }

    /// The operation that a request is, if it is one of these.
    @inline(__always)
    init?(_ route: Route, _ method: Method) {
        switch (route, method) {
        case (.key, .get), (.key, .head): self = .get
        case (.key, .put): self = .put
        case (.mget, _): self = .mget
        case (.mput, _): self = .mput
        default: return nil
        }
    }
}

/// How long operations took, in nanoseconds: an HdrHistogram (G. Tene) for each, to two digits.
///
/// Recording threads seldom meet: each uses the histograms of its stripe, which are added up when they are read.
final class LatencyRecorder: Sendable {
    struct Summary {
        fileprivate(set) var histogram = LatencyRecorder.emptyHistogram
        /// The sum of all latencies, in nanoseconds.
        fileprivate(set) var sum: UInt64 = 0

        var count: UInt64 { histogram.totalCount }
        var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }
        var max: UInt64 { count == 0 ? 0 : histogram.max }
        func percentile(_ percent: Double) -> UInt64 { count == 0 ? 0 : histogram.valueAtPercentile(percent) }

        /// How many took at most `nanoseconds`.
        func count(upTo nanoseconds: UInt64) -> UInt64 { count == 0 ? 0 : histogram.count(within: 0...nanoseconds) }
    }

    private final class Cell: Sendable {
        // Made when the first latency is recorded: a histogram takes tens of kilobytes.
        let summary = Locked<Summary?>(nil)
    }

    private let cells = (0..<ThreadStripe.count * Operation.allCases.count).map { _ in Cell() }

    private static let longest: UInt64 = 3_600_000_000_000

    private static var emptyHistogram: Histogram<UInt64> {
        Histogram(highestTrackableValue: longest, numberOfSignificantValueDigits: .two)
    }

    func record(_ operation: Operation, nanoseconds: Int64) {
        let latency = min(UInt64(clamping: nanoseconds), Self.longest)
        cells[ThreadStripe.current * Operation.allCases.count + operation.rawValue].summary.withLock { summary in
            if summary == nil { summary = Summary() }
            summary!.histogram.record(latency)
            summary!.sum += latency
        }
    }

    func summary(of operation: Operation) -> Summary {
        var total = Summary()
        for stripe in 0..<ThreadStripe.count {
            cells[stripe * Operation.allCases.count + operation.rawValue].summary.withLock { summary in
                guard let summary else { return }
                total.histogram.add(summary.histogram)
                total.sum += summary.sum
            }
        }
        return total
    }

    func reset() {
        for cell in cells { cell.summary.withLock { $0 = nil } }
    }
}
