internal import MicroHTTP
internal import TestSupport
internal import Testing

@testable internal import CacheService

struct LatencyRecorderTests {
    private let recorder = LatencyRecorder()

    @Test func nothingIsZero() {
        for operation in Operation.allCases {
            let summary = recorder.summary(of: operation)
            #expect(summary.count == 0)
            #expect(summary.mean == 0)
            #expect(summary.max == 0)
            #expect(summary.percentile(99) == 0)
            #expect(summary.count(upTo: .max / 2) == 0)
        }
    }

    @Test func operationsAreApart() {
        for (index, operation) in Operation.allCases.enumerated() {
            for _ in 0...index { recorder.record(operation, nanoseconds: Int64(index + 1) * 100) }
        }
        for (index, operation) in Operation.allCases.enumerated() {
            let summary = recorder.summary(of: operation)
            #expect(summary.count == UInt64(index + 1))
            #expect(summary.mean == Double(index + 1) * 100)
        }
        recorder.reset()
        for operation in Operation.allCases { #expect(recorder.summary(of: operation).count == 0) }
    }

    @Test func whichRequestIsWhichOperation() {
        var found: [String: Int] = [:]
        for route in Route.allCases {
            for method in route.methods {
                if let operation = Operation(route, method) { found["\(operation)", default: 0] += 1 }
            }
        }
        #expect(found == ["get": 2, "put": 1, "mget": 2, "mput": 1])
        #expect(Operation(.key, .get) == .get)
        #expect(Operation(.key, .head) == .get)
        #expect(Operation(.key, .put) == .put)
        #expect(Operation(.key, .delete) == nil)
        #expect(Operation.ofRequests.map(\.name) == ["get", "put", "mget", "mput"])
    }

    @Test(arguments: [Int64.min, -1, 0, 1, 3_600_000_000_000, 3_600_000_000_001, .max])
    func anyDurationCanBeRecorded(nanoseconds: Int64) {
        for _ in 0..<3 { recorder.record(.get, nanoseconds: nanoseconds) }
        let kept = UInt64(min(max(0, nanoseconds), 3_600_000_000_000))
        let summary = recorder.summary(of: .get)
        #expect(summary.count == 3)
        #expect(summary.sum == 3 * kept)
        #expect(summary.max >= kept)
        #expect(Double(summary.max) <= Double(kept) * 1.01)
    }

    /// Against all of the values, sorted.
    @Test func quantilesAreRightToOnePercent() {
        var random = TestSeed.generator()
        var values: [UInt64] = []
        for _ in 0..<20_000 {
            // From a nanosecond to a minute, as many of each magnitude.
            let value = UInt64(1) << UInt64(random.below(36)) + UInt64(random.below(1000))
            values.append(value)
            recorder.record(.put, nanoseconds: Int64(value))
        }
        values.sort()
        let summary = recorder.summary(of: .put)
        #expect(summary.count == 20_000)
        #expect(summary.sum == values.reduce(0, +))
        for percent in [0.01, 1, 10, 50, 90, 99, 99.9, 99.99] {
            let exact = Double(values[Int((percent / 100 * 20_000).rounded(.up)) - 1])
            let told = Double(summary.percentile(percent))
            #expect(told >= exact * 0.99 - 1 && told <= exact * 1.01 + 1, "\(percent) %: \(told), exactly \(exact)")
        }
        #expect(summary.percentile(100) <= summary.max)
        for bound in [1_000, 1_000_000, 1_000_000_000] as [UInt64] {
            let least = values.count { $0 <= bound }
            let most = values.count { Double($0) <= Double(bound) * 1.01 }
            #expect((least...most).contains(Int(summary.count(upTo: bound))))
        }
    }

    @Test func threadsLoseNothing() throws {
        let recorder = recorder
        let isOver = Flag()
        let reader = ThreadRun(1)
        reader.start { _ in
            var last: UInt64 = 0
            while !isOver.isUp {
                let summary = recorder.summary(of: .get)
                // Counts only grow, and the sum is of just those that are counted.
                guard summary.count >= last, summary.sum == summary.count * 1000 else {
                    throw Mismatch(count: summary.count, sum: summary.sum)
                }
                last = summary.count
            }
        }
        try runThreads(4) { _ in
            for _ in 0..<5000 { recorder.record(.get, nanoseconds: 1000) }
        }
        isOver.raise()
        try reader.join()
        #expect(recorder.summary(of: .get).count == 20_000)
        #expect(recorder.summary(of: .get).sum == 20_000_000)
    }

    private struct Mismatch: Error {
        let count: UInt64
        let sum: UInt64
    }
}
