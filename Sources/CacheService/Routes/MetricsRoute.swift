internal import CacheCore
internal import MicroHTTP

/// `/metrics`: the figures in Prometheus' text format, version 0.0.4.
extension CacheService {
    func metrics() -> Response {
        let stats = cache.getStats()
        let traffic = statistics.traffic
        var text = Exposition()
        text.family("cache_gets_total", "counter", "Reads of keys, by result.")
        text.sample("cache_gets_total", [("result", "hit")], stats.hits)
        text.sample("cache_gets_total", [("result", "miss")], stats.misses)
        text.family("cache_puts_total", "counter", "Entries written, new and replaced.")
        text.sample("cache_puts_total", [], stats.puts)
        text.family("cache_removals_total", "counter", "Entries removed, by cause.")
        text.sample("cache_removals_total", [("cause", "evicted")], stats.evictions)
        text.sample("cache_removals_total", [("cause", "expired")], stats.expirations)
        text.sample("cache_removals_total", [("cause", "deleted")], stats.deletes)
        text.sample("cache_removals_total", [("cause", "replaced")], stats.replacements)
        text.family("cache_entries", "gauge", "Entries held.")
        text.sample("cache_entries", [], stats.currentSize)
        if let capacity = stats.capacity {
            text.family("cache_capacity_entries", "gauge", "The most entries that are held.")
            text.sample("cache_capacity_entries", [], capacity)
        }
        text.family("cache_memory_bytes", "gauge", "Bytes that the entries take.")
        text.sample("cache_memory_bytes", [], stats.memoryBytes)
        if let memoryLimit = stats.memoryLimit {
            text.family("cache_memory_limit_bytes", "gauge", "The most bytes that the entries may take.")
            text.sample("cache_memory_limit_bytes", [], memoryLimit)
        }
        let estimates = stats.whatIf.filter { $0.hitRate != nil }
        if !estimates.isEmpty {
            text.family(
                "cache_estimated_hit_ratio", "gauge",
                "Hits in all reads, from 0 to 1, as they would be at a multiple of the capacity.")
        }
        for estimate in estimates {
            text.sample(
                "cache_estimated_hit_ratio", [("capacity_factor", "\(estimate.capacityFactor)")],
                (estimate.hitRate ?? 0) / 100)
        }
        text.family("cache_operation_duration_seconds", "histogram", "How long operations took in the server.")
        for operation in Operation.allCases {
            text.histogram(
                "cache_operation_duration_seconds", ("operation", operation.name),
                statistics.latencies.summary(of: operation))
        }
        text.family("cache_http_requests_total", "counter", "Requests answered, by route, method and status.")
        statistics.forEachRequestCount { route, method, status, count in
            text.sample(
                "cache_http_requests_total",
                [("route", "\(route.pattern)"), ("method", "\(method.name)"), ("status", "\(status)")], Int(count))
        }
        text.family("cache_http_connections", "gauge", "Open connections.")
        text.sample("cache_http_connections", [], traffic.connections)
        text.family("cache_uptime_seconds", "gauge", "Seconds since the start.")
        text.sample("cache_uptime_seconds", [], uptime)
        text.family("cache_build_info", "gauge", "The program's version.")
        text.sample("cache_build_info", [("version", version)], 1)

        var headers = HeaderFields()
        headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        return Response(status: 200, headers: headers, body: .bytes(Array(text.text.utf8)))
    }
}

/// Text in Prometheus' exposition format.
private struct Exposition {
    private(set) var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: some CustomStringConvertible) {
        let labels = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    mutating func histogram(_ name: String, _ label: (String, String), _ summary: LatencyRecorder.Summary) {
        for bound in Self.bounds {
            sample(
                "\(name)_bucket", [label, ("le", "\(Double(bound) / 1e9)")], summary.count(upTo: bound))
        }
        sample("\(name)_bucket", [label, ("le", "+Inf")], summary.count)
        sample("\(name)_sum", [label], Double(summary.sum) / 1e9)
        sample("\(name)_count", [label], summary.count)
    }

    /// The buckets' upper bounds in nanoseconds: 1 µs to 10 s, three a decade.
    private static let bounds: [UInt64] = [
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000,
        5_000_000_000, 10_000_000_000,
    ]

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
