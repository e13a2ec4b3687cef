internal import MicroHTTP

@testable internal import CacheService

extension CacheService {
    /// How many requests were counted, by route, method and status.
    var requestCounts: [String: Int] {
        var counts: [String: Int] = [:]
        statistics.forEachRequestCount { route, method, status, count in
            counts["\(route.pattern) \(method.name) \(status)"] = Int(count)
        }
        return counts
    }
}
