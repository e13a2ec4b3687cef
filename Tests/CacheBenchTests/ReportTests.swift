import Foundation
import Testing

@testable import cache_bench

@Suite("The report")
struct ReportTests {
    private func entry(
        _ id: Peer.ID, _ title: String, rate: Double, time: Double, p99: Double = 1.9
    ) throws -> HTTPReport.Entry {
        let round = Measurement(
            requestsPerSecond: rate, p50: 0.612, p99: p99, processorTime: time, othersShare: 0.01, stolenShare: 0,
            generatorShare: 0.4, problems: [])
        return HTTPReport.Entry(id: id, title: title, rounds: [round], median: try #require(Summary([round])))
    }

    private func report() throws -> HTTPReport {
        var report = HTTPReport(
            date: Date(timeIntervalSince1970: 1_700_000_000),
            machine: Machine(
                processor: "Some Processor", cores: 2, memory: 8_589_934_592, kernel: "Linux 6.1", system: "Debian 12"),
            versions: ["wrk": "4.1.0", "nginx": "1.22.1"],
            load: LoadShape(connections: 64, threads: 2, seconds: 3), rounds: 5, seed: 1, keyCount: 10_000,
            keyBytes: 16, valueBytes: 64)
        report.scenarios = [
            HTTPReport.ScenarioResult(
                scenario: .getHit,
                systems: [
                    try entry(.productionCache, "Production Cache", rate: 90_000, time: 10),
                    try entry(.loggingCache, "logging", rate: 90_000, time: 10.1),
                    try entry(.bareResponder, "bare", rate: 100_000, time: 8),
                    try entry(.webdisRedis, "Webdis", rate: 45_000, time: 30),
                ]),
            HTTPReport.ScenarioResult(
                scenario: .getMiss,
                systems: [try entry(.productionCache, "Production Cache", rate: 94_500, time: 10)]),
        ]
        report.trials = [
            TrialResult(
                trial: .halfRate, rate: 45_000,
                systems: [
                    try entry(.productionCache, "Production Cache", rate: 45_000, time: 11, p99: 3),
                    try entry(.bareResponder, "bare", rate: 45_000, time: 10, p99: 2),
                ]),
            TrialResult(
                trial: .idle,
                systems: [
                    try entry(.productionCache, "beside", rate: 87_000, time: 11),
                    try entry(.productionCache, "without", rate: 90_000, time: 10),
                ], bytesPerIdleConnection: 10_000),
        ]
        report.targets = Target.all.map { TargetResult($0.title, $0.bound, measured: report.measured($0.quantity)) }
        return report
    }

    @Test("targets are judged by the medians, and one that was not measured is neither reached nor missed")
    func targets() throws {
        let results = try report().targets
        #expect(
            results.filter { $0.measured != nil }.map { "\($0.measured ?? 0) \($0.bound) \($0.isReached == true)" } == [
                "0.9 at least 0.97 false", "1.25 at most 1.08 false", "\(10 / 10.1) at least 0.98 true",
                "2.0 at least 2.00 true",
                "1.05 at least 0.95 true", "1.5 at most 1.30 false", "\(87.0 / 90) at least 0.90 true",
                "9.765625 at most 10.0 true",
            ])
        #expect(results.filter { $0.measured == nil }.allSatisfy { $0.isReached == nil })
    }

    @Test("a selection asks for the targets of its parts")
    func selectedTargets() throws {
        let selection = try #require(Selection<HTTPPart>(argument: "start,get-hit"))
        #expect(selection.parts == [.getHit, .start])
        #expect(try report().targets(of: selection).count == 7)
        #expect(Selection<HTTPPart>(argument: "get-hit,") == nil)
        #expect(Selection<HTTPPart>(argument: "all") == nil)
    }

    @Test("the terminal's table is aligned and says what the cache is beside each peer")
    func text() throws {
        let text = try report().text
        #expect(
            text.contains(
                """
                GET hit
                                    requests/s  ours ÷ theirs      p50      p99  CPU/request  ours ÷ theirs  spread
                  Production Cache      90,000                 0.61 ms  1.90 ms      10.0 µs                    0 %
                  logging               90,000         1.00 ×  0.61 ms  1.90 ms      10.1 µs         0.99 ×     0 %
                  bare                 100,000         0.90 ×  0.61 ms  1.90 ms      8.00 µs         1.25 ×     0 %
                  Webdis                45,000         2.00 ×  0.61 ms  1.90 ms      30.0 µs         0.33 ×     0 %

                """), "\(text)")
        #expect(
            text.contains(
                """
                GET hit at half of the peak rate, 45,000 a second
                                    requests/s  refused/s      p50      p99  CPU/request  spread
                  Production Cache      45,000             0.61 ms  3.00 ms      11.0 µs     0 %
                  bare                  45,000             0.61 ms  2.00 ms      10.0 µs     0 %

                """), "\(text)")
        #expect(!text.contains("INVALID"))
        #expect(!text.contains("not quiet"))
    }

    @Test("an invalid run says so")
    func invalid() throws {
        var report = try report()
        report.problems = ["GET hit, round 1, Webdis: 3 connections failed, broke or timed out"]
        #expect(report.text.contains("INVALID: figures of this run mean nothing\n  GET hit, round 1, Webdis: 3"))
    }

    @Test("the README's table names the machine and the load")
    func markdown() throws {
        let markdown = try report().markdown
        #expect(markdown.hasPrefix("|  |  | requests/s | ours ÷ theirs | p50 |"))
        #expect(markdown.contains("| **GET hit** | **Production Cache** | 90,000 |  | 0.61 ms |"))
        #expect(markdown.contains("|  | bare | 100,000 | 0.90 × | 0.61 ms | 1.90 ms | 8.00 µs | 1.25 × |\n"))
        #expect(markdown.contains("Some Processor, 2 cores, 8 GiB · Linux 6.1 · Debian 12"))
        #expect(markdown.contains("nginx 1.22.1, wrk 4.1.0"))
    }

    @Test("the result file is named by its time and holds every round")
    func file() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let file = try report().write(to: directory.url.appendingPathComponent("results"))
        #expect(file.lastPathComponent == "http-20231114T221320.json")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        let scenarios = try #require(object["scenarios"] as? [[String: Any]])
        let systems = try #require(scenarios.first?["systems"] as? [[String: Any]])
        #expect(
            systems.map { $0["id"] as? String } == [
                "production-cache", "production-cache-access-log", "bare-libmicrohttpd", "webdis-redis",
            ])
        let rounds = try #require(systems.first?["rounds"] as? [[String: Any]])
        #expect(rounds.first?["requests_per_second"] as? Double == 90_000)
    }

    @Test(
        "figures have three digits that count",
        arguments: [
            (0.904, "0.90"), (9.994, "9.99"), (9.996, "10.0"), (99.96, "100"), (214.4, "214"), (-0.001, "0.00"),
        ])
    func decimal(value: Double, text: String) {
        #expect(Figure.decimal(value) == text)
    }

    @Test("thousands stand apart", arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567.6, "1,234,568")])
    func whole(value: Double, text: String) {
        #expect(Figure.whole(value) == text)
    }
}
