import Foundation
import Testing

@testable import cache_bench

@Suite("The report on memory")
struct MemoryReportTests {
    private func report() -> MemoryReport {
        var report = MemoryReport(
            date: Date(timeIntervalSince1970: 1_700_000_000),
            machine: Machine(
                processor: "Some Processor", cores: 2, memory: 8_589_934_592, kernel: "Linux 6.1", system: "Debian 12"),
            versions: ["memcached": "1.6.18"], seed: 1, isFull: true)
        var comparison = MemoryComparison(of: EntryFill(count: 1000, sizes: .small, seed: 1))
        for (system, after) in zip(MemorySystem.all, [110_000, 150_000, 200_000]) {
            comparison.systems.append(.init(system, before: 10_000, after: after, entries: 1000))
        }
        report.comparisons = [comparison]
        let limit = MemoryScale.full.limits[0]
        report.churns = [
            ChurnTrial.Outcome(
                limit: limit,
                phases: [
                    phase("all sizes", after: limit, useful: limit * 9 / 10),
                    phase("small alone", after: limit * 2, useful: limit / 2),
                    phase("all sizes again", after: limit, useful: limit * 3 / 4),
                ])
        ]
        report.declines = [
            .init(
                subject: .libraryMixed,
                memory: MemoryDecline(bytesBefore: 1 << 30, looks: [.init(seconds: 0.5, bytes: 50 << 20)]))
        ]
        let times = OperationTimes.Summary(
            count: 10, p50: 1, p99: 2, p999: 3, longest: 6000, longestOnProcessor: 40, beyondBound: 2,
            beyondBoundAndPreempted: 1, beyondBoundOnProcessor: 0)
        report.pauses = PauseTrial.Outcome(phases: [
            .init(
                phase: .fill, entries: 10, kinds: [.init(operation: .put, times: times)],
                idle: IdleLoop.Summary(seconds: 1, longest: 7000, beyondBound: 3))
        ])
        report.targets = MemoryTarget.all(.full).map {
            TargetResult($0.title, $0.bound, measured: $0.quantity(report))
        }
        return report
    }

    private func phase(_ title: String, after: Int, useful: Int) -> ChurnTrial.Phase {
        ChurnTrial.Phase(
            title: title, bytesWritten: 1, puts: 1, seconds: 1, bytesAfter: after, bytesAtMost: after, entries: 1,
            usefulBytes: useful, bytesBooked: after)
    }

    @Test("the worst of a run is judged, small entries' share apart")
    func targets() {
        let results = report().targets.filter { $0.measured != nil }
        #expect(results.map(\.measured) == [100, 512, 0.75, 50, 6])
        #expect(results.map(\.isReached) == [true, false, false, true, false])
        #expect(results[1].title == "limit of 256 MiB: RSS, MiB" && results[1].bound == "at most 314")
        #expect(report().targets.count == 13)
    }

    @Test("the terminal's tables set the systems side by side")
    func text() {
        let text = report().text
        #expect(
            text.contains(
                """
                The same entries in each server
                  values                    entries  key + value  RSS before  RSS after  added an entry  RSS an entry  useful
                  64 B    Production Cache    1,000         80 B       0 MiB      0 MiB           100 B         110 B    73 %
                          memcached           1,000         80 B       0 MiB      0 MiB           140 B         150 B    53 %
                """), "\(text)")
        #expect(text.contains("library, 64 B to 64 KiB   1,024 MiB   50 MiB         50 MiB               0.50 s\n"))
        let times = "filling  put           10  1.00 µs  2.00 µs  3.00 µs  6.00 ms      0.04 ms"
        #expect(text.contains(times + "          2            1            0\n"))
        #expect(!text.contains("quick run"))
    }

    @Test("the README's table has a row a system")
    func markdown() {
        let markdown = report().markdown
        #expect(markdown.hasPrefix("| RSS that an entry adds | 1,000 values of 64 B |\n| --- | ---: |\n"))
        #expect(markdown.contains("| **Production Cache** | **100 B** |\n| memcached | 140 B |\n| Redis | 190 B |\n"))
    }

    @Test("the result file holds the figures")
    func json() throws {
        let object = try #require(try JSONSerialization.jsonObject(with: report().json()) as? [String: Any])
        let comparisons = try #require(object["comparisons"] as? [[String: Any]])
        let systems = try #require(comparisons.first?["systems"] as? [[String: Any]])
        #expect(systems.map { $0["bytes_per_entry"] as? Double } == [110, 150, 200])
    }
}
