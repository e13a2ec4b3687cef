import Foundation
import Testing

@testable import cache_bench

@Suite("What load generators print")
struct LoadResultTests {
    @Test("wrk's line of figures is found after its own words")
    func wrk() throws {
        let output = """
            Running 3s test @ http://127.0.0.1:8080/
              2 threads and 64 connections
            Requests/sec:  95000.00
            figures 285000 3000000 612.000 1893.500 12 3

            """
        let result = try #require(Wrk.result(in: output))
        #expect(
            result
                == LoadResult(requests: 285_000, seconds: 3, p50: 0.612, p99: 1.8935, refused: 12, broken: 3))
    }

    @Test(
        "wrk without complete figures has no result",
        arguments: ["", "unable to connect", "figures 1 2 3", "figures 0 3000000 0 0 0 0"])
    func wrkFailed(output: String) {
        #expect(Wrk.result(in: output) == nil)
    }

    @Test("redis-benchmark's last row counts, whatever the name of the test holds")
    func redisBenchmark() throws {
        let output = """
            "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
            "SET key:__rand_int__ {"id":1,"seats":25}","50000.00","0.533","0.192","0.799","1.223","2.167","3.207"

            """
        let result = try #require(RedisBenchmark.result(in: output, requests: 100_000))
        #expect(result == LoadResult(requests: 100_000, seconds: 2, p50: 0.799, p99: 2.167))
    }

    @Test(
        "redis-benchmark without a row has no result",
        arguments: ["", "Could not connect to Redis at 127.0.0.1:1: Connection refused", #""test","rps""#])
    func redisBenchmarkFailed(output: String) {
        #expect(RedisBenchmark.result(in: output, requests: 1) == nil)
    }

    @Test("h2load's log counts what was answered, and times what started after the beginning")
    func h2load() throws {
        // A thousand requests a millisecond apart, each of as many microseconds as its number, not quite in order.
        var lines = (0..<1000).map { "\(1_700_000_000_000_000 + $0 * 1000)\t200\t\($0)\n" }
        lines.swapAt(0, 700)
        lines.append("1700000000000000\t503\t20\tof a later version\n1700000000000000\t-1\t20\n")
        let result = try #require(H2Load.result(in: Data(lines.joined().utf8), seconds: 2))
        #expect(result.requests == 1001 && result.refused == 1 && result.broken == 1 && result.seconds == 2)
        // Of 500 to 999.
        #expect(result.p50 == 0.749 && result.p99 == 0.994)
    }

    @Test(
        "a log of h2load without a request, or with a line that is none, has no result",
        arguments: ["", "1\t-1\t1\n", "1\t200\n", "600000\t200\tx\n", "9\t200\t99999999999999999999\n"])
    func h2loadFailed(log: String) {
        #expect(H2Load.result(in: Data(log.utf8), seconds: 1) == nil)
    }
}
