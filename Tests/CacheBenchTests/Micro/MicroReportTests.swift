import Foundation
import Testing

@testable import cache_bench

@Suite("The report on single calls")
struct MicroReportTests {
    private func entry(_ id: MicroContender, _ title: String, _ times: Double...) -> MicroResult.Entry {
        MicroResult.Entry(
            id: id, title: title, rounds: times.map { MicroResult.Time(operation: $0, background: $0 / 10) })
    }

    private func report() -> MicroReport {
        var report = MicroReport(
            date: Date(timeIntervalSince1970: 1_700_000_000),
            machine: Machine(
                processor: "Some Processor", cores: 2, memory: 8_589_934_592, kernel: "Linux 6.1", system: "Debian 12"),
            rounds: 3, seconds: 0.3, seed: 1, entries: 100_000, largeEntries: 10_000_000)
        report.rows = [
            MicroResult(
                id: .get, title: "get, 100,000 entries, uniform",
                contenders: [
                    entry(.cache, "Production Cache", 60, 50, 40), entry(.dictionary, "Dictionary", 250, 190, 200),
                    entry(.foundationCache, "NSCache", 450),
                ]),
            MicroResult(
                id: .typed, title: "typed get",
                contenders: [entry(.cache, "typed get", 1100), entry(.decoder, "JSONDecoder alone", 1000)]),
        ]
        report.threads = [
            ThreadResult(
                id: .cache, title: "Production Cache",
                entries: [(1, 1e6), (2, 1.9e6), (64, 1.52e6)].map { .init(threads: $0, rounds: [$1]) })
        ]
        report.targets = MicroTarget.all.map { TargetResult($0.title, $0.bound, measured: $0.quantity(report)) }
        return report
    }

    @Test("targets are judged by medians, and what was not measured is neither reached nor missed")
    func targets() {
        let results = report().targets
        #expect(results.count == MicroTarget.all.count)
        let measured = results.filter { $0.measured != nil }
        #expect(measured.map(\.measured) == [4, 9, 1.1, 1.9, 0.8])
        #expect(measured.map(\.isReached) == [true, false, true, true, true])
    }

    @Test("the terminal's tables set contenders side by side")
    func text() {
        let text = report().text
        #expect(
            text.contains(
                """
                get, 100,000 entries, uniform
                                       time  operations/s  ours ÷ theirs  spread  in background
                  Production Cache  50.0 ns    20,000,000                   40 %        5.00 ns
                  Dictionary         200 ns     5,000,000         4.00 ×    30 %        20.0 ns
                  NSCache            450 ns     2,222,222         9.00 ×     0 %        45.0 ns

                """), "\(text)")
        #expect(
            text.contains(
                """
                                     1 thread  2 threads  64 threads   2 ÷ 1  64 ÷ 2
                  Production Cache  1,000,000  1,900,000   1,520,000  1.90 ×  0.80 ×
                """), "\(text)")
        #expect(!text.contains("not quiet"))
    }

    @Test("a machine with other work on it is told of")
    func unrest() {
        var report = report()
        report.othersShare = 0.2
        #expect(report.text.contains("The machine was not quiet: other programs took 20 %"))
    }

    @Test("the README's tables name the machine")
    func markdown() {
        let markdown = report().markdown
        #expect(markdown.contains("| **get, 100,000 entries, uniform** | **Production Cache** | 50.0 ns |  |\n"))
        #expect(markdown.contains("|  | Dictionary | 200 ns | 4.00 × |\n"))
        #expect(markdown.contains("Some Processor, 2 cores, 8 GiB"))
    }

    @Test("the result file holds every round")
    func json() throws {
        let object = try #require(try JSONSerialization.jsonObject(with: report().json()) as? [String: Any])
        let rows = try #require(object["rows"] as? [[String: Any]])
        let contenders = try #require(rows.first?["contenders"] as? [[String: Any]])
        let rounds = try #require(contenders.first?["rounds"] as? [[String: Any]])
        #expect(rounds.map { $0["operation"] as? Double } == [60, 50, 40])
    }
}
