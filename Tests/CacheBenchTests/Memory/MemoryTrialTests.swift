import Foundation
import Testing

@testable import cache_bench

@Suite("Trials of the memory benchmark")
struct MemoryTrialTests {
    @Test("a fill holds what was put")
    func fill() throws {
        let outcome = try FillTrial(entries: 1000, sizes: .small, seed: 1).perform()
        #expect(outcome.entries == 1000)
        #expect(outcome.usefulBytes == 80_000)
        #expect(outcome.bytesBooked > 80_000)
        #expect(outcome.bytesBefore > 0)
    }

    @Test("a churn writes ten times the limit, and keeps to it by the cache's own count")
    func churn() throws {
        let limit = 4 << 20
        let outcome = try ChurnTrial(limit: limit, seed: 1).perform()
        #expect(outcome.phases.map(\.title) == ["all sizes", "small alone", "large alone", "all sizes again"])
        #expect(ChurnTrial.titlesOfAllSizes == ["all sizes", "all sizes again"])
        for (phase, times) in zip(outcome.phases, [10, 2, 2, 2]) {
            #expect(phase.bytesWritten >= times * limit)
            #expect(phase.bytesBooked <= limit)
            #expect(phase.usefulBytes < phase.bytesBooked)
            #expect(phase.bytesAtMost >= phase.bytesAfter)
        }
    }

    @Test("single operations are timed in all phases")
    func pauses() throws {
        let outcome = try PauseTrial(entries: 2000, wave: 500, seed: 1).perform()
        #expect(outcome.phases.map(\.phase) == [.fill, .steady, .wave])
        #expect(outcome.phases.map(\.entries) == [2000, 2000, 2000])
        #expect(
            outcome.phases.map { $0.kinds.map(\.operation) } == [
                [.put], [.put, .get, .delete], [.put, .get, .delete],
            ])
        #expect(outcome.phase(.fill)?.kinds.first?.times.count == 2000)
        #expect(outcome.phase(.steady)?.kinds.map(\.times.count) == [400, 400, 200])
    }

    @Test("a trial and its outcome cross to another process")
    func coding() throws {
        let trial = ChurnTrial(limit: 3, seed: .max)
        let decoded = try JSONDecoder().decode(ChurnTrial.self, from: JSONEncoder().encode(trial))
        #expect(decoded.limit == 3 && decoded.seed == .max)
    }

    @Test("slow operations are counted by both clocks, and preempted ones apart")
    func times() {
        var times = OperationTimes()
        times.record(wall: 1000, onProcessor: 900) {
            Issue.record("asked about an operation that was not slow")
            return false
        }
        times.record(wall: 5_000_000, onProcessor: 1) { true }
        times.record(wall: 5_000_001, onProcessor: 1) { true }
        times.record(wall: 6_000_000, onProcessor: 1) { false }
        times.record(wall: 7_000_000, onProcessor: 6_500_000) { false }
        let summary = times.summary
        #expect(summary.count == 5)
        #expect(summary.longest == 7000 && summary.longestOnProcessor == 6500)
        #expect(summary.beyondBound == 3 && summary.beyondBoundAndPreempted == 1)
        #expect(summary.beyondBoundOnProcessor == 1)
        #expect(abs(summary.p50 / 5000 - 1) < 0.001)
    }

    @Test("an operation's result and errors pass through")
    func measured() {
        var times = OperationTimes()
        #expect(times.measure { 7 } == 7)
        #expect(throws: BenchmarkError.self) { try times.measure { throw BenchmarkError("no") } }
        #expect(times.summary.count == 1)
    }

    @Test("an idle loop runs for its time")
    func idle() {
        var idle = IdleLoop()
        idle.run(for: 2_000_000)
        idle.run(for: 1_000_000)
        #expect(idle.summary.seconds >= 0.003)
        #expect(idle.summary.longest > 0)
    }

    @Test("a decline has its least, and its first look below a bound")
    func decline() {
        let decline = MemoryDecline(
            bytesBefore: 100,
            looks: [.init(seconds: 0, bytes: 90), .init(seconds: 1, bytes: 20), .init(seconds: 2, bytes: 30)])
        #expect(decline.leastBytes == 20)
        #expect(decline.seconds(untilBelow: 90) == 1)
        #expect(decline.seconds(untilBelow: 20) == nil)
    }

    @Test("the second figure of the line is resident pages")
    func residentMemory() throws {
        let page = sysconf(Int32(_SC_PAGESIZE))
        #expect(ResidentMemory.bytes(in: "765 405 376 5 0 123 0\n") == 405 * page)
        #expect(ResidentMemory.bytes(in: "765") == nil)
        #expect(try ResidentMemory.ofThisProcess() > page)
    }
}
