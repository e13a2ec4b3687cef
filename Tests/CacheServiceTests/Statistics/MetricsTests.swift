internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `GET /metrics`, to the letter.
struct MetricsTests {
    /// The upper bounds of the buckets as they are written.
    private static let bounds = [
        "1e-06", "2.5e-06", "5e-06", "1e-05", "2.5e-05", "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025",
        "0.005", "0.01",
        "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf",
    ]

    /// - Parameter counts: What the buckets count; the last holds for the rest.
    private func histogram(_ operation: String, _ counts: [Int], sum: String) -> String {
        let name = "cache_operation_duration_seconds"
        var text = ""
        for (index, bound) in Self.bounds.enumerated() {
            text +=
                "\(name)_bucket{operation=\"\(operation)\",le=\"\(bound)\"} \(counts[min(index, counts.count - 1)])\n"
        }
        text += "\(name)_sum{operation=\"\(operation)\"} \(sum)\n"
        return text + "\(name)_count{operation=\"\(operation)\"} \(counts.last!)"
    }

    @Test func ofANewService() throws {
        let test = try TestService()
        let reply = test.get("/metrics")
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            reply.text == """
                # HELP cache_gets_total Reads of keys, by result.
                # TYPE cache_gets_total counter
                cache_gets_total{result="hit"} 0
                cache_gets_total{result="miss"} 0
                # HELP cache_puts_total Entries written, new and replaced.
                # TYPE cache_puts_total counter
                cache_puts_total 0
                # HELP cache_removals_total Entries removed, by cause.
                # TYPE cache_removals_total counter
                cache_removals_total{cause="evicted"} 0
                cache_removals_total{cause="expired"} 0
                cache_removals_total{cause="deleted"} 0
                cache_removals_total{cause="replaced"} 0
                # HELP cache_entries Entries held.
                # TYPE cache_entries gauge
                cache_entries 0
                # HELP cache_stale_entries Entries held past their expiry, to be served stale.
                # TYPE cache_stale_entries gauge
                cache_stale_entries 0
                # HELP cache_leases_total Rights to fill a missing key, by what became of them.
                # TYPE cache_leases_total counter
                cache_leases_total{result="granted"} 0
                cache_leases_total{result="filled"} 0
                cache_leases_total{result="lost"} 0
                # HELP cache_memory_bytes Bytes that the entries take.
                # TYPE cache_memory_bytes gauge
                cache_memory_bytes \(test.cache.getStats().memoryBytes)
                # HELP cache_operation_duration_seconds How long operations took in the server.
                # TYPE cache_operation_duration_seconds histogram
                \(histogram("get", [0], sum: "0.0"))
                \(histogram("put", [0], sum: "0.0"))
                \(histogram("mget", [0], sum: "0.0"))
                \(histogram("mput", [0], sum: "0.0"))
                # HELP cache_http_requests_total Requests answered, by route, method and status.
                # TYPE cache_http_requests_total counter
                # HELP cache_http_connections Open connections.
                # TYPE cache_http_connections gauge
                cache_http_connections 0
                # HELP cache_uptime_seconds Seconds since the start.
                # TYPE cache_uptime_seconds gauge
                cache_uptime_seconds 0.0
                # HELP cache_build_info The program's version.
                # TYPE cache_build_info gauge
                cache_build_info{version="1.2.3"} 1

                """)
    }

    @Test func ofAScriptedHistory() throws {
        let test = try TestService(capacity: 2, memoryLimit: 1 << 20)
        test.put("/keys/secret", "1")
        test.put("/keys/secret", "2")
        test.put("/keys/b?ttl=1", "1")
        test.put("/keys/c", "1")  // b or secret goes
        _ = test.get("/keys/c")
        _ = test.get("/keys/secret")
        _ = test.ask(.delete, "/keys/c")
        test.clock.advance(by: .milliseconds(1500))
        let latencies = test.service.statistics.latencies
        for nanoseconds in [1000, 3000, 2_000_000_000, 60_000_000_000] as [Int64] {
            latencies.record(.mget, nanoseconds: nanoseconds)
        }
        #expect(
            test.get("/metrics").text == """
                # HELP cache_gets_total Reads of keys, by result.
                # TYPE cache_gets_total counter
                cache_gets_total{result="hit"} 1
                cache_gets_total{result="miss"} 1
                # HELP cache_puts_total Entries written, new and replaced.
                # TYPE cache_puts_total counter
                cache_puts_total 4
                # HELP cache_removals_total Entries removed, by cause.
                # TYPE cache_removals_total counter
                cache_removals_total{cause="evicted"} 1
                cache_removals_total{cause="expired"} 1
                cache_removals_total{cause="deleted"} 1
                cache_removals_total{cause="replaced"} 1
                # HELP cache_entries Entries held.
                # TYPE cache_entries gauge
                cache_entries 0
                # HELP cache_stale_entries Entries held past their expiry, to be served stale.
                # TYPE cache_stale_entries gauge
                cache_stale_entries 0
                # HELP cache_leases_total Rights to fill a missing key, by what became of them.
                # TYPE cache_leases_total counter
                cache_leases_total{result="granted"} 0
                cache_leases_total{result="filled"} 0
                cache_leases_total{result="lost"} 0
                # HELP cache_capacity_entries The most entries that are held.
                # TYPE cache_capacity_entries gauge
                cache_capacity_entries 2
                # HELP cache_memory_bytes Bytes that the entries take.
                # TYPE cache_memory_bytes gauge
                cache_memory_bytes \(test.cache.getStats().memoryBytes)
                # HELP cache_memory_limit_bytes The most bytes that the entries may take.
                # TYPE cache_memory_limit_bytes gauge
                cache_memory_limit_bytes 1048576
                # HELP cache_estimated_hit_ratio Hits in all reads, from 0 to 1, as they would be at a multiple of the capacity.
                # TYPE cache_estimated_hit_ratio gauge
                cache_estimated_hit_ratio{capacity_factor="0.5"} 0.5
                cache_estimated_hit_ratio{capacity_factor="2.0"} 1.0
                cache_estimated_hit_ratio{capacity_factor="4.0"} 1.0
                # HELP cache_operation_duration_seconds How long operations took in the server.
                # TYPE cache_operation_duration_seconds histogram
                \(histogram("get", [2], sum: "0.0"))
                \(histogram("put", [4], sum: "0.0"))
                \(histogram("mget", [1, 1] + Array(repeating: 2, count: 17) + [3, 3, 3, 4], sum: "62.000004"))
                \(histogram("mput", [0], sum: "0.0"))
                # HELP cache_http_requests_total Requests answered, by route, method and status.
                # TYPE cache_http_requests_total counter
                cache_http_requests_total{route="/keys/{key}",method="GET",status="200"} 1
                cache_http_requests_total{route="/keys/{key}",method="GET",status="404"} 1
                cache_http_requests_total{route="/keys/{key}",method="PUT",status="201"} 3
                cache_http_requests_total{route="/keys/{key}",method="PUT",status="204"} 1
                cache_http_requests_total{route="/keys/{key}",method="DELETE",status="204"} 1
                # HELP cache_http_connections Open connections.
                # TYPE cache_http_connections gauge
                cache_http_connections 0
                # HELP cache_uptime_seconds Seconds since the start.
                # TYPE cache_uptime_seconds gauge
                cache_uptime_seconds 1.5
                # HELP cache_build_info The program's version.
                # TYPE cache_build_info gauge
                cache_build_info{version="1.2.3"} 1

                """)
    }

    @Test func noLabelEverCarriesAKey() throws {
        let test = try TestService()
        for path in [
            "/keys/secret", "/keys/secret/%", "/secret", "/keys?prefix=secret", "http://secret/keys/secret", "secret",
        ] {
            for method in MicroHTTP.Method.allCases { _ = test.ask(method, path, body: "secret") }
        }
        #expect(!test.get("/metrics").text.contains("secret"))
    }
}
