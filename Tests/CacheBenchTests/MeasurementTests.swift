import Testing

@testable import cache_bench

@Suite("What makes a measurement invalid")
struct MeasurementTests {
    private static let success = Expectation([200])
    private static let absence = Expectation([404])

    private func result(refused: Int = 0, broken: Int = 0) -> LoadResult {
        LoadResult(requests: 1000, seconds: 1, p50: 1, p99: 2, refused: refused, broken: broken)
    }

    @Test("answers that are all as expected are no problem")
    func valid() {
        // The store may have served some more requests than the load generator waited for.
        let hits = KeyStore.Counters(hits: 1064)
        #expect(Measurement.problems(result(), of: .getHit, expecting: Self.success, counted: hits).isEmpty)
        let misses = KeyStore.Counters(misses: 1000)
        #expect(
            Measurement.problems(result(refused: 1000), of: .getMiss, expecting: Self.absence, counted: misses)
                .isEmpty)
        #expect(Measurement.problems(result(), of: .put, expecting: Self.success, counted: nil).isEmpty)
    }

    @Test("a refused answer is a problem where success was asked for, and a success where it was not")
    func status() {
        #expect(Measurement.problems(result(refused: 1), of: .put, expecting: Self.success, counted: nil).count == 1)
        #expect(
            Measurement.problems(result(refused: 999), of: .getMiss, expecting: Self.absence, counted: nil).count == 1)
    }

    @Test("a connection that broke is a problem")
    func broken() {
        #expect(Measurement.problems(result(broken: 1), of: .put, expecting: Self.success, counted: nil).count == 1)
    }

    @Test(
        "a hit scenario must hit with every key and a miss scenario with none",
        arguments: [
            (Scenario.getHit, KeyStore.Counters(hits: 999)),
            (.getHit, KeyStore.Counters(hits: 1000, misses: 1)),
            (.mget, KeyStore.Counters(hits: 1000)),
            (.getMiss, KeyStore.Counters(hits: 1, misses: 1000)),
            (.put, KeyStore.Counters(errors: 1)),
        ])
    func lookups(scenario: Scenario, counted: KeyStore.Counters) {
        #expect(
            Measurement.problems(result(), of: scenario, expecting: Self.success, counted: counted).count == 1)
    }

    @Test("the median is the middle, or the mean of the two in the middle")
    func median() {
        #expect([3.0, 1, 2].median == 2)
        #expect([4.0, 1, 2, 3].median == 2.5)
        #expect([Double]().median == nil)
    }

    @Test("a summary takes each figure's own middle and the spread of the rates")
    func summary() throws {
        let rounds = [(100.0, 9.0), (80, 10), (120, 11)].map { rate, time in
            Measurement(
                requestsPerSecond: rate, p50: 1, p99: 2, processorTime: time, othersShare: 0, stolenShare: 0,
                generatorShare: 0, problems: [])
        }
        let summary = try #require(Summary(rounds))
        #expect(summary.requestsPerSecond == 100)
        #expect(summary.processorTime == 10)
        #expect(summary.spread == 0.4)
        #expect(Summary([]) == nil)
    }
}
