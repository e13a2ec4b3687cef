internal import CacheCore
internal import MicroHTTP

/// `/stats`: the figures as JSON.
extension CacheService {
    func stats() -> Response {
        let stats = cache.getStats()
        let traffic = statistics.traffic
        var classes = [0, 0, 0, 0]
        var requests = 0
        statistics.forEachRequestCount { _, _, status, count in
            requests += Int(count)
            if (200..<600).contains(status) { classes[status / 100 - 2] += Int(count) }
        }
        let latency = Operation.allCases.map { "\"\($0.name)\":\(Self.json(statistics.latencies.summary(of: $0)))" }
        let whatIf = stats.whatIf.map {
            "{\"capacity_factor\":\($0.capacityFactor),\"hit_rate\":\(Self.json($0.hitRate))}"
        }
        let body = """
            {"hits":\(stats.hits),"misses":\(stats.misses),"hit_rate":\(stats.hitRate),\
            "total_requests":\(stats.totalRequests),"puts":\(stats.puts),"deletes":\(stats.deletes),\
            "evictions":\(stats.evictions),"expirations":\(stats.expirations),"current_size":\(stats.currentSize),\
            "capacity":\(Self.json(stats.capacity)),"memory_bytes":\(stats.memoryBytes),\
            "memory_limit_bytes":\(Self.json(stats.memoryLimit)),\
            "eviction_policy":"\(cache.evictionPolicy.rawValue)","what_if":[\(whatIf.joined(separator: ","))],\
            "uptime_seconds":\(uptime),\
            "latency":{\(latency.joined(separator: ","))},\
            "http":{"requests":\(requests),"connections":\(traffic.connections),"bytes_in":\(traffic.received),\
            "bytes_out":\(traffic.sent),"responses":{"2xx":\(classes[0]),"3xx":\(classes[1]),"4xx":\(classes[2]),\
            "5xx":\(classes[3])}}}

            """
        return .json(Array(body.utf8))
    }

    func resetStats() -> Response {
        cache.resetStats()
        statistics.reset()
        return Response(status: 204)
    }

    /// Seconds since the service was made, to the millisecond.
    var uptime: Double { Double((cache.now - statistics.start) / 1_000_000) / 1000 }

    private static func json(_ number: (some CustomStringConvertible)?) -> String { number?.description ?? "null" }

    private static func json(_ summary: LatencyRecorder.Summary) -> String {
        func ms(_ nanoseconds: Double) -> Double { (nanoseconds / 10).rounded() / 100_000 }
        func percentile(_ percent: Double) -> Double { ms(Double(summary.percentile(percent))) }
        return """
            {"count":\(summary.count),"mean_ms":\(ms(summary.mean)),"p50_ms":\(percentile(50)),\
            "p90_ms":\(percentile(90)),"p99_ms":\(percentile(99)),"p999_ms":\(percentile(99.9)),\
            "max_ms":\(ms(Double(summary.max)))}
            """
    }
}
