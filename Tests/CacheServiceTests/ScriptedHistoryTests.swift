internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// The figures after a history that is known to the last request.
struct ScriptedHistoryTests {
    /// Three hits, one miss, four puts, a delete, a replacement, an eviction and an expiry.
    private func history() throws -> TestService {
        let fixture = try TestService(capacity: 2)
        _ = fixture.put("/keys/a", "1")
        _ = fixture.put("/keys/b?ttl=5", "1")
        _ = fixture.get("/keys/a")
        _ = fixture.post("/mget", "[\"a\",\"b\",\"x\"]")
        _ = fixture.put("/keys/a", "2")
        _ = fixture.put("/keys/c", "1")
        _ = fixture.put("/keys/d?ttl=1", "1")
        _ = fixture.ask(.delete, "/keys/c")
        fixture.clock.advance(by: .seconds(2))
        _ = fixture.get("/nope")
        return fixture
    }

    @Test func statsAreTheHistory() throws {
        let fixture = try history()
        let memory = fixture.cache.getStats().memoryBytes
        let zero = "\"mean_ms\":0.0,\"p50_ms\":0.0,\"p90_ms\":0.0,\"p99_ms\":0.0,\"p999_ms\":0.0,\"max_ms\":0.0"
        #expect(
            fixture.get("/stats").text == """
                {"hits":3,"misses":1,"hit_rate":75.0,"total_requests":4,"puts":5,"deletes":1,"evictions":2,\
                "expirations":1,"current_size":0,"capacity":2,"memory_bytes":\(memory),"memory_limit_bytes":null,\
                "stale_entries":0,"leases":{"granted":0,"filled":0,"lost":0},\
                "eviction_policy":"lru",\
                "what_if":[{"capacity_factor":0.5,"hit_rate":25.0},{"capacity_factor":2.0,"hit_rate":75.0},\
                {"capacity_factor":4.0,"hit_rate":75.0}],"uptime_seconds":2.0,"snapshot":null,"warm":[],"origin":null,"latency":{"get":{"count":1,\(zero)},\
                "put":{"count":5,\(zero)},"mget":{"count":1,\(zero)},"mput":{"count":0,\(zero)}},\
                "http":{"requests":9,"connections":0,"bytes_in":0,"bytes_out":0,\
                "responses":{"2xx":8,"3xx":0,"4xx":1,"5xx":0}}}

                """)
    }

    @Test func resetSetsThemToZero() throws {
        let fixture = try history()
        #expect(fixture.ask(.delete, "/stats").status == 204)
        let body = fixture.get("/stats").text
        #expect(body.hasPrefix("{\"hits\":0,\"misses\":0,\"hit_rate\":0.0,\"total_requests\":0,\"puts\":0,"))
        #expect(body.contains("\"get\":{\"count\":0,"))
        // The request that did it is counted after it.
        #expect(body.contains("\"http\":{\"requests\":1,"))
    }

    @Test func metricsAreTheHistory() throws {
        let fixture = try history()
        let text = fixture.get("/metrics")
        #expect(text["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        for line in [
            "cache_gets_total{result=\"hit\"} 3", "cache_gets_total{result=\"miss\"} 1", "cache_puts_total 5",
            "cache_removals_total{cause=\"evicted\"} 2", "cache_removals_total{cause=\"expired\"} 1",
            "cache_removals_total{cause=\"deleted\"} 1", "cache_removals_total{cause=\"replaced\"} 1",
            "cache_entries 0", "cache_capacity_entries 2",
            "cache_estimated_hit_ratio{capacity_factor=\"0.5\"} 0.25",
            "cache_estimated_hit_ratio{capacity_factor=\"4.0\"} 0.75",
            "cache_operation_duration_seconds_bucket{operation=\"put\",le=\"1e-06\"} 5",
            "cache_operation_duration_seconds_bucket{operation=\"put\",le=\"+Inf\"} 5",
            "cache_operation_duration_seconds_count{operation=\"get\"} 1",
            "cache_http_requests_total{route=\"/keys/{key}\",method=\"PUT\",status=\"201\"} 4",
            "cache_http_requests_total{route=\"/keys/{key}\",method=\"PUT\",status=\"204\"} 1",
            "cache_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"404\"} 1",
            "cache_http_connections 0", "cache_uptime_seconds 2.0", "cache_build_info{version=\"1.2.3\"} 1",
        ] {
            #expect(text.text.split(separator: "\n").contains { $0 == line }, "\(line)")
        }
        // No bound, no series: a dashboard would take a zero for one.
        #expect(!text.text.contains("cache_memory_limit_bytes"))
        #expect(!(try TestService().get("/metrics").text.contains("cache_estimated_hit_ratio")))
    }

    @Test func latenciesFallIntoTheirBuckets() {
        let recorder = LatencyRecorder()
        for microseconds in [1, 2, 3, 1000, 1_000_000] {
            recorder.record(.get, nanoseconds: Int64(microseconds) * 1000)
        }
        let summary = recorder.summary(of: .get)
        #expect(summary.count == 5)
        #expect(summary.sum == 1_001_006_000)
        #expect(summary.count(upTo: 1_000) == 1)
        #expect(summary.count(upTo: 10_000) == 3)
        #expect(summary.count(upTo: 10_000_000) == 4)
        // Two digits: within a hundredth.
        #expect(abs(Double(summary.percentile(50)) - 3000) <= 30)
        #expect(abs(Double(summary.max) - 1e9) <= 1e7)
        recorder.record(.get, nanoseconds: .max)
        recorder.record(.get, nanoseconds: -1)
        #expect(recorder.summary(of: .get).count == 7)
        recorder.reset()
        #expect(recorder.summary(of: .get).count == 0)
    }
}
