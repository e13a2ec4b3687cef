internal import CacheCore
internal import MicroHTTP
internal import ReadThrough

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
        let latency = Operation.ofRequests.map { "\"\($0.name)\":\(Self.json(statistics.latencies.summary(of: $0)))" }
        let whatIf = stats.whatIf.map {
            "{\"capacity_factor\":\($0.capacityFactor),\"hit_rate\":\(Self.json($0.hitRate))}"
        }
        let body = """
            {"hits":\(stats.hits),"misses":\(stats.misses),"hit_rate":\(stats.hitRate),\
            "total_requests":\(stats.totalRequests),"puts":\(stats.puts),"deletes":\(stats.deletes),\
            "evictions":\(stats.evictions),"expirations":\(stats.expirations),"current_size":\(stats.currentSize),\
            "capacity":\(Self.json(stats.capacity)),"memory_bytes":\(stats.memoryBytes),\
            "memory_limit_bytes":\(Self.json(stats.memoryLimit)),"stale_entries":\(stats.staleEntries),\
            "leases":{"granted":\(stats.leasesGranted),"filled":\(stats.leasesFilled),"lost":\(stats.leasesLost)},\
            "eviction_policy":"\(cache.evictionPolicy.rawValue)","what_if":[\(whatIf.joined(separator: ","))],\
            "uptime_seconds":\(uptime),"snapshot":\(snapshotJSON),\
            "warm":[\(warmJSON)],"origin":\(originJSON),\
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
        loader?.figures.reset()
        return Response(status: 204)
    }

    private var snapshotJSON: String {
        guard let state = snapshots?.state else { return "null" }
        let age = state.written.map { Double((cache.wallClock - $0.time) / 1_000_000) / 1000 }
        let duration = state.written.map { Double($0.report.duration.nanoseconds / 1000) / 1000 }
        return """
            {"entries":\(Self.json(state.written?.report.entries)),"bytes":\(Self.json(state.written?.report.bytes)),\
            "age_seconds":\(Self.json(age)),"duration_ms":\(Self.json(duration)),"failures":\(state.failures),\
            "loading":\(state.loading != nil)}
            """
    }

    private var warmJSON: String {
        (warmer?.statuses ?? []).map { status in
            var text: [UInt8] = []
            text.append("{\"source\":")
            text.appendJSONString(status.source)
            text.append(",\"state\":\"")
            text += Array(status.state.rawValue.utf8)
            text.append("\",\"loaded\":")
            text.append(decimal: status.loaded)
            text.append(",\"failed\":")
            text.append(decimal: status.failed)
            text.append(",\"expired\":")
            text.append(decimal: status.expired)
            text.append(",\"rate\":")
            text.append(decimal: Int(status.rate))
            text.append(",\"error\":")
            if let error = status.error { text.appendJSONString(error) } else { text.append("null") }
            text.append("}")
            return String(decoding: text, as: UTF8.self)
        }.joined(separator: ",")
    }

    private var originJSON: String {
        guard let loader else { return "null" }
        let figures = OriginFigures(loader, statistics.latencies)
        return """
            {"loads":\(figures.loads),"load_failures":\(figures.failures),"collapsed":\(figures.collapsed),\
            "stale_served":\(figures.staleServed),"revalidated":\(figures.revalidated),\
            "negative_hits":\(figures.negativeHits),"rejected":\(figures.rejected),"in_flight":\(figures.inFlight),\
            "waiting":\(figures.waiting),"breaker":"\(figures.breaker)","latency":\(Self.json(figures.latency))}
            """
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
