internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `GET /stats`, to the letter.
struct StatsTests {
    private static let none =
        "{\"count\":0,\"mean_ms\":0.0,\"p50_ms\":0.0,\"p90_ms\":0.0,\"p99_ms\":0.0,\"p999_ms\":0.0,\"max_ms\":0.0}"

    @Test func ofANewService() throws {
        let test = try TestService()
        let reply = test.get("/stats")
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/json")
        #expect(
            reply.text == """
                {"hits":0,"misses":0,"hit_rate":0.0,"total_requests":0,"puts":0,"deletes":0,"evictions":0,"expirations":0,\
                "current_size":0,"capacity":null,"memory_bytes":\(test.cache.getStats().memoryBytes),\
                "memory_limit_bytes":null,"stale_entries":0,"leases":{"granted":0,"filled":0,"lost":0},\
                "eviction_policy":"lru",\
                "what_if":[{"capacity_factor":0.5,"hit_rate":null},{"capacity_factor":2.0,"hit_rate":null},\
                {"capacity_factor":4.0,"hit_rate":null}],"uptime_seconds":0.0,"snapshot":null,"warm":[],"origin":null,\
                "latency":{"get":\(Self.none),"put":\(Self.none),"mget":\(Self.none),"mput":\(Self.none)},\
                "http":{"requests":0,"connections":0,"bytes_in":0,"bytes_out":0,\
                "responses":{"2xx":0,"3xx":0,"4xx":0,"5xx":0}}}

                """)
    }

    @Test func ofAScriptedHistory() throws {
        let test = try TestService(capacity: 3, memoryLimit: 1 << 20)
        test.put("/keys/a", "1")  // new
        test.put("/keys/a", "2")  // replaced
        test.put("/keys/b?ttl=1", "1")
        test.put("/keys/c", "1")
        _ = test.get("/keys/a")  // a hit
        test.clock.advance(by: .seconds(1))
        _ = test.get("/keys/b")  // expired: a miss
        _ = test.get("/keys/x")  // a miss
        _ = test.ask(.head, "/keys/a")  // a hit
        _ = test.post("/mget", "[\"a\",\"c\",\"x\",\"a\"]")  // two hits and a miss
        _ = test.post("/mput", "{\"items\":{\"d\":1,\"e\":1}}")  // one is evicted
        _ = test.ask(.delete, "/keys/e")
        _ = test.ask(.delete, "/keys/e")  // 404
        _ = test.put("/keys/a", "bad")  // 400
        test.service.beginDraining()
        _ = test.get("/readyz")  // 503
        test.clock.advance(by: .microseconds(1_234_567))
        for (operation, nanoseconds) in [(Operation.mput, 50), (.mput, 1_000_000)] as [(Operation, Int64)] {
            test.service.statistics.latencies.record(operation, nanoseconds: nanoseconds)
        }
        func zeros(_ count: Int) -> String { Self.none.replacing("\"count\":0", with: "\"count\":\(count)") }
        #expect(
            test.get("/stats").text == """
                {"hits":4,"misses":3,"hit_rate":57.142857142857146,"total_requests":7,"puts":6,"deletes":1,\
                "evictions":1,"expirations":1,"current_size":2,"capacity":3,\
                "memory_bytes":\(test.cache.getStats().memoryBytes),"memory_limit_bytes":1048576,\
                "stale_entries":0,"leases":{"granted":0,"filled":0,"lost":0},\
                "eviction_policy":"lru",\
                "what_if":[{"capacity_factor":0.5,"hit_rate":28.571428571428573},{"capacity_factor":2.0,"hit_rate":57.142857142857146},\
                {"capacity_factor":4.0,"hit_rate":57.142857142857146}],"uptime_seconds":2.234,"snapshot":null,"warm":[],"origin":null,\
                "latency":{"get":\(zeros(4)),"put":\(zeros(5)),"mget":\(zeros(1)),\
                "mput":{"count":3,"mean_ms":0.33335,"p50_ms":5e-05,"p90_ms":1.0,"p99_ms":1.0,"p999_ms":1.0,\
                "max_ms":1.00352}},\
                "http":{"requests":14,"connections":0,"bytes_in":0,"bytes_out":0,\
                "responses":{"2xx":9,"3xx":0,"4xx":4,"5xx":1}}}

                """)
    }

    @Test func isJSONWhateverTheFigures() throws {
        let test = try TestService()
        test.put("/keys/a")
        for nanoseconds in [0, 1, 9, 99, 12_345, 3_600_000_000_000, .max] as [Int64] {
            for operation in Operation.allCases {
                test.service.statistics.latencies.record(operation, nanoseconds: nanoseconds)
            }
            _ = test.get("/keys/a")
            _ = test.get("/keys/b")
            test.clock.advance(by: .seconds(1_000_000))
            let stats = try test.get("/stats").object
            #expect(stats["total_requests"] as? Int == (stats["hits"] as! Int) + (stats["misses"] as! Int))
            #expect(stats["hit_rate"] as? Double == 50)
        }
        #expect(test.get("/stats").text.contains("\"uptime_seconds\":7000000.0,"))
    }

    @Test func resetKeepsWhatIs() throws {
        let test = try TestService(capacity: 10)
        test.put("/keys/a")
        _ = test.get("/keys/a")
        test.clock.advance(by: .seconds(5))
        let before = try test.get("/stats").object
        #expect(test.ask(.delete, "/stats").status == 204)
        let after = try test.get("/stats").object
        for name in ["hits", "misses", "puts", "deletes", "evictions", "expirations", "total_requests"] {
            #expect(after[name] as? Int == 0, "\(name)")
        }
        for name in ["current_size", "capacity", "memory_bytes"] {
            #expect(after[name] as? Int == before[name] as? Int, "\(name)")
        }
        #expect(after["uptime_seconds"] as? Double == 5)
        #expect((after["http"] as? [String: Any])?["requests"] as? Int == 1)
    }

    @Test func entriesThatExpiredAreNotCounted() throws {
        let test = try TestService()
        for number in 0..<100 { test.put("/keys/\(number)?ttl=\(number < 40 ? 1 : 100)") }
        test.clock.advance(by: .seconds(2))
        let stats = try test.get("/stats").object
        #expect(stats["current_size"] as? Int == 60)
        #expect(stats["expirations"] as? Int == 40)
    }
}
