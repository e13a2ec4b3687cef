import CacheCore
import Testing

@testable import cache_server

@Suite("The demo")
struct DemoTests {
    @Test("The report of given figures")
    func report() {
        var times = DemoWorkload.Times()
        (times.gets, times.inGets) = (700, .microseconds(1400))
        (times.puts, times.inPuts) = (300, .microseconds(1_100))
        let report = DemoReport(
            totalRequests: 700, hits: 593, misses: 107, hitRate: 84.714, evictions: 23, expirations: 15,
            currentSize: 100, capacity: 1000, times: times)
        #expect(
            report.text == """
                Statistics
                  Total requests          700
                  Hits                    593
                  Misses                  107
                  Hit rate                84.7 %
                  Evictions               23
                  Expirations             15
                  Current size/capacity   100/1000

                Performance
                  Average get latency     2.00 µs
                  Average put latency     3.67 µs
                  Throughput              400000 operations/s

                """)
    }

    @Test("The report of nothing")
    func emptyReport() {
        let report = DemoReport(
            totalRequests: 0, hits: 0, misses: 0, hitRate: 0, evictions: 0, expirations: 0, currentSize: 0,
            capacity: nil, times: DemoWorkload.Times())
        #expect(report.text.contains("  Hit rate                0.0 %\n"))
        #expect(report.text.contains("  Current size/capacity   0/unbounded\n"))
        #expect(report.text.contains("  Average get latency     none measured\n"))
        #expect(report.text.contains("  Throughput              none measured\n"))
    }

    @Test(
        "Numbers with decimal places",
        arguments: [
            (0.0, 1, "0.0"), (0.05, 1, "0.1"), (99.96, 1, "100.0"), (3.666, 2, "3.67"), (0.004, 2, "0.00"),
            (-1.25, 1, "-1.3"), (12_345.6, 0, "12346"),
        ])
    func decimals(number: Double, places: Int, text: String) {
        #expect(fixed(number, places: places) == text)
    }

    @Test("The workload does what it says, and the cache's figures agree")
    func workload() async throws {
        let seed = UInt64.random(in: .min ... .max)
        let cache = try ProductionCache(capacity: 50)
        var workload = DemoWorkload(cache: cache, seed: seed)
        #expect(try workload.warm() == 100)
        var steps: [Int] = []
        try await workload.run(operations: 1000) { steps.append($0) }

        let stats = cache.getStats()
        let times = workload.times
        #expect(steps.last == 1000, "seed \(seed)")
        #expect(steps == steps.sorted(), "seed \(seed)")
        #expect(times.gets + times.puts == 1000, "seed \(seed)")
        #expect((600...800).contains(times.gets), "seed \(seed)")
        #expect(stats.totalRequests == times.gets, "seed \(seed)")
        #expect(stats.puts == 100 + times.puts, "seed \(seed)")
        #expect(stats.hits > 0 && stats.misses > 0, "seed \(seed)")
        #expect(stats.evictions >= 50, "seed \(seed)")
        #expect(stats.expirations > 0, "seed \(seed)")
        #expect(stats.currentSize <= 50, "seed \(seed)")
        #expect(times.inGets > .zero && times.inPuts > .zero, "seed \(seed)")
    }

    @Test("The same seed, the same operations")
    func seed() async throws {
        var counts: [Int] = []
        for _ in 0..<2 {
            var workload = DemoWorkload(cache: try ProductionCache(capacity: 1000), seed: 7)
            try await workload.run(operations: 200) { _ in }
            counts.append(workload.times.gets)
        }
        #expect(counts[0] == counts[1])
        var generator = SplitMix64(seed: 1_234_567)
        // The first outputs of the authors' own program for this seed.
        #expect([generator.next(), generator.next()] == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973])
    }

    @Test("Progress: a bar drawn anew on a terminal, a line for each tenth elsewhere")
    func progress() {
        let bar = ProgressDisplay(total: 1000, isTerminal: true)
        #expect(bar.text(done: 0) == "\r  [..............................] 0 %, 0 of 1000")
        #expect(bar.text(done: 500) == "\r  [###############...............] 50 %, 500 of 1000")
        #expect(bar.text(done: 1000) == "\r  [##############################] 100 %, 1000 of 1000\n")
        let lines = ProgressDisplay(total: 1000, isTerminal: false)
        #expect(lines.text(done: 550) == "")
        #expect(lines.text(done: 600) == "  60 %, 600 of 1000\n")
    }
}
