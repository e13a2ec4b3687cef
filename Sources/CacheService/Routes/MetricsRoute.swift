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
        text.single("cache_puts_total", "counter", "Entries written, new and replaced.", stats.puts)
        text.family("cache_removals_total", "counter", "Entries removed, by cause.")
        text.sample("cache_removals_total", [("cause", "evicted")], stats.evictions)
        text.sample("cache_removals_total", [("cause", "expired")], stats.expirations)
        text.sample("cache_removals_total", [("cause", "deleted")], stats.deletes)
        text.sample("cache_removals_total", [("cause", "replaced")], stats.replacements)
        text.single("cache_entries", "gauge", "Entries held.", stats.currentSize)
        text.single(
            "cache_stale_entries", "gauge", "Entries held past their expiry, to be served stale.", stats.staleEntries)
        text.family("cache_leases_total", "counter", "Rights to fill a missing key, by what became of them.")
        text.sample("cache_leases_total", [("result", "granted")], stats.leasesGranted)
        text.sample("cache_leases_total", [("result", "filled")], stats.leasesFilled)
        text.sample("cache_leases_total", [("result", "lost")], stats.leasesLost)
        if let capacity = stats.capacity {
            text.single("cache_capacity_entries", "gauge", "The most entries that are held.", capacity)
        }
        text.single("cache_memory_bytes", "gauge", "Bytes that the entries take.", stats.memoryBytes)
        if let memoryLimit = stats.memoryLimit {
            text.single("cache_memory_limit_bytes", "gauge", "The most bytes that the entries may take.", memoryLimit)
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
        for operation in Operation.ofRequests {
            text.histogram(
                "cache_operation_duration_seconds", [("operation", operation.name)],
                statistics.latencies.summary(of: operation))
        }
        text.family("cache_http_requests_total", "counter", "Requests answered, by route, method and status.")
        statistics.forEachRequestCount { route, method, status, count in
            text.sample(
                "cache_http_requests_total",
                [("route", "\(route.pattern)"), ("method", "\(method.name)"), ("status", "\(status)")], Int(count))
        }
        text.single("cache_http_connections", "gauge", "Open connections.", traffic.connections)
        if let dropped = statistics.droppedAccessLogLines {
            text.single(
                "cache_access_log_dropped_total", "counter",
                "Lines of the access log that were not written, because the writing fell behind or failed.", dropped)
        }
        if let state = snapshots?.state {
            if let (report, time) = state.written {
                text.single(
                    "cache_snapshot_timestamp_seconds", "gauge", "When the last snapshot was written, since 1970.",
                    Double(time / 1_000_000) / 1000)
                text.single("cache_snapshot_entries", "gauge", "Entries of the last snapshot.", report.entries)
                text.single("cache_snapshot_bytes", "gauge", "Bytes of the last snapshot.", report.bytes)
                text.single(
                    "cache_snapshot_duration_seconds", "gauge", "How long the last snapshot took to write.",
                    Double(report.duration.nanoseconds / 1000) / 1_000_000)
            }
            text.single(
                "cache_snapshot_failures_total", "counter", "Snapshots that could not be written.", state.failures)
        }
        let sources = warmer?.totals ?? []
        if !sources.isEmpty {
            text.family(
                "cache_warm_items_total", "counter",
                "Items read from sources that fill the cache, by source and result.")
            for source in sources {
                for (result, count) in [
                    ("loaded", source.loaded), ("failed", source.failed), ("expired", source.expired),
                ] {
                    text.sample(
                        "cache_warm_items_total", [("source", source.status.source), ("result", result)], count)
                }
            }
            text.family(
                "cache_warm_state", "gauge",
                "1 for what each source that fills the cache is at: the last time it was read.")
            for source in sources {
                for state in WarmStatus.State.allCases {
                    text.sample(
                        "cache_warm_state", [("source", source.status.source), ("state", state.rawValue)],
                        source.status.state == state ? 1 : 0)
                }
            }
        }
        if let loader { text.append(OriginFigures(loader, statistics.latencies)) }
        text.single("cache_uptime_seconds", "gauge", "Seconds since the start.", uptime)
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

    /// A family of one sample, without labels.
    mutating func single(_ name: String, _ type: String, _ help: String, _ value: some CustomStringConvertible) {
        family(name, type, help)
        sample(name, [], value)
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: some CustomStringConvertible) {
        let labels = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    mutating func histogram(_ name: String, _ labels: [(String, String)], _ summary: LatencyRecorder.Summary) {
        for bound in Self.bounds {
            sample(
                "\(name)_bucket", labels + [("le", "\(Double(bound) / 1e9)")], summary.count(upTo: bound))
        }
        sample("\(name)_bucket", labels + [("le", "+Inf")], summary.count)
        sample("\(name)_sum", labels, Double(summary.sum) / 1e9)
        sample("\(name)_count", labels, summary.count)
    }

    mutating func append(_ figures: OriginFigures) {
        family("cache_loads_total", "counter", "Loads of missing values from origins, by result.")
        sample("cache_loads_total", [("result", "value")], figures.values)
        sample("cache_loads_total", [("result", "absent")], figures.absences)
        sample("cache_loads_total", [("result", "failed")], figures.failures)
        family("cache_load_duration_seconds", "histogram", "How long loads took that an origin was asked for.")
        histogram("cache_load_duration_seconds", [], figures.latency)
        single(
            "cache_loads_collapsed_total", "counter", "Reads that waited for a load that was under way.",
            figures.collapsed)
        single("cache_loads_rejected_total", "counter", "Loads for which no origin was asked.", figures.rejected)
        single(
            "cache_loads_revalidated_total", "counter", "Loads whose origin said that the value is as it was.",
            figures.revalidated)
        single(
            "cache_stale_served_total", "counter", "Reads answered with a value past its expiry.", figures.staleServed)
        single(
            "cache_negative_hits_total", "counter", "Reads answered by what is known not to be there.",
            figures.negativeHits)
        single("cache_loads_in_flight", "gauge", "Loads that an origin is asked for.", figures.inFlight)
        single("cache_loads_waiting", "gauge", "Loads that wait for others.", figures.waiting)
        single(
            "cache_origin_breaker_state", "gauge",
            "Whether origins are asked: 0 closed, 1 half open, 2 open; of several the most open.", figures.breakerLevel)
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
