import TestSupport
import Testing

@testable import CacheCore

/// The cache against its model: a plain dictionary, a list and a clock.
@Suite struct ModelTests {
    @Test(arguments: [1, 8])
    func unboundedWithTicks(shardCount: Int) throws {
        try run(percent: 20, shardCount: shardCount, capacity: nil, times: .ticks, keys: 600)
    }

    @Test(arguments: [1, 8])
    func unboundedWithArbitraryTimes(shardCount: Int) throws {
        try run(percent: 15, shardCount: shardCount, capacity: nil, times: .arbitrary, keys: 600)
    }

    @Test func boundedInOneShardWithBulkCalls() throws {
        try run(percent: 10, shardCount: 1, capacity: 60, times: .ticks, keys: 150)
    }

    @Test func boundedInEightShards() throws {
        try run(percent: 10, shardCount: 8, capacity: 60, times: .ticks, keys: 150)
    }

    @Test func boundedToOneEntry() throws {
        try run(percent: 2, shardCount: 1, capacity: 1, times: .ticks, keys: 4)
    }

    @Test func boundedToOneEntryInEightShards() throws {
        try run(percent: 2, shardCount: 8, capacity: 1, times: .ticks, keys: 4)
    }

    @Test func withDefaultTimeToLive() throws {
        try run(percent: 2, shardCount: 2, capacity: nil, times: .ticks, keys: 100, defaultTTL: TimerWheel.tick * 30)
    }

    private func run(
        percent: Int, shardCount: Int, capacity: Int?, times: ModelTimes, keys: Int, defaultTTL: Int64? = nil,
        test: String = #function
    ) throws {
        let clock = ManualClock()
        var configuration = CacheConfiguration(capacity: capacity, eviction: .lru, clock: .manual(clock))
        configuration.shardCount = shardCount
        configuration.defaultTTL = defaultTTL.map { .nanoseconds($0) }
        var run = try ModelRun(
            configuration, clock: clock, times: times, keys: keys, allowsBulk: capacity == nil || shardCount == 1,
            random: TestSeed.generator("\(test) shards \(shardCount)"))
        try run.run(TestScale.operations(percent: percent))
    }
}
