internal import MicroHTTP
internal import Threading

/// What the service has done: requests by route, method and status, latencies, and the server's traffic.
final class ServiceStatistics: Sendable {
    let latencies = LatencyRecorder()
    /// When the service was made, by the cache's clock, in nanoseconds.
    let start: Int64

    private let requests = StripedCounters(count: Route.allCases.count * Method.allCases.count * statuses.count)
    private let server = Locked(ServerLink())

    private struct ServerLink {
        // Weak: the server keeps its handler, the service.
        weak var server: HTTPServer?
        var bytesAtReset = (received: 0, sent: 0)
    }

    /// All statuses that are sent; the last stands for any other.
    static let statuses = Array(Set(ProblemCode.allCases.map(\.status) + [200, 201, 204, 304])).sorted() + [0]

    init(start: Int64) { self.start = start }

    func attach(_ server: HTTPServer) { self.server.withLock { $0 = ServerLink(server: server) } }

    @inline(__always)
    func count(_ route: Route, _ method: Method, status: Int) {
        requests.add(to: Self.index(route, method, Self.statuses.firstIndex(of: status) ?? Self.statuses.count - 1))
    }

    /// Calls `body` for each route, method and status with requests, and their number.
    func forEachRequestCount(_ body: (Route, Method, _ status: Int, _ count: UInt64) -> Void) {
        for route in Route.allCases {
            for method in Method.allCases {
                for (index, status) in Self.statuses.enumerated() {
                    let count = requests.sum(Self.index(route, method, index))
                    if count > 0 { body(route, method, status, count) }
                }
            }
        }
    }

    var traffic: (connections: Int, received: Int, sent: Int) {
        server.withLock { link in
            guard let server = link.server else { return (0, 0, 0) }
            let bytes = server.bytes
            return (
                server.connectionCount, bytes.received - link.bytesAtReset.received, bytes.sent - link.bytesAtReset.sent
            )
        }
    }

    /// How many lines of the access log were dropped since the start; nil if there is no such log.
    var droppedAccessLogLines: Int? { server.withLock { $0.server?.droppedAccessLogLines } }

    func reset() {
        requests.reset()
        latencies.reset()
        server.withLock { link in
            if let server = link.server { link.bytesAtReset = server.bytes }
        }
    }

    private static func index(_ route: Route, _ method: Method, _ status: Int) -> Int {
        (route.rawValue * Method.allCases.count + Int(method.rawValue)) * statuses.count + status
    }
}
