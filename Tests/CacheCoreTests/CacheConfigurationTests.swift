import Foundation
import Testing

@testable import CacheCore

@Suite struct CacheConfigurationTests {
    @Test func boundsAreNoneUnlessGiven() throws {
        let configuration = CacheConfiguration()
        #expect(configuration.capacity == nil && configuration.memoryLimit == nil && configuration.defaultTTL == nil)
        #expect(configuration.eviction == .auto)
        #expect(!configuration.clock.isManual)
        try configuration.validate()
    }

    @Test(arguments: [1, 2, 1000, 1 << 40])
    func acceptsACapacity(capacity: Int) throws {
        try CacheConfiguration(capacity: capacity).validate()
    }

    @Test(arguments: [0, -1, .min, 1 << 40 + 1, .max])
    func refusesACapacity(capacity: Int) {
        expect(.invalidConfiguration, naming: "capacity is \(capacity)", CacheConfiguration(capacity: capacity))
    }

    @Test(arguments: [65_535, 0, -1, .min])
    func refusesAMemoryLimit(limit: Int) {
        expect(.invalidConfiguration, naming: "memoryLimit is \(limit)", CacheConfiguration(memoryLimit: limit))
    }

    @Test(arguments: [65_536, 1 << 30, .max])
    func acceptsAMemoryLimit(limit: Int) throws {
        try CacheConfiguration(memoryLimit: limit).validate()
    }

    @Test(arguments: [Duration.zero, .seconds(-1), .seconds(315_360_001), .seconds(Int64.max), .nanoseconds(-1)])
    func refusesADefaultTTL(ttl: Duration) {
        expect(.invalidTTL, naming: "\(ttl)", CacheConfiguration(defaultTTL: ttl))
    }

    @Test(arguments: [
        Duration.nanoseconds(1), .seconds(315_360_000), Duration(secondsComponent: 0, attosecondsComponent: 1),
    ])
    func acceptsADefaultTTL(ttl: Duration) throws {
        try CacheConfiguration(defaultTTL: ttl).validate()
    }

    @Test(arguments: [0, -2, 3, 6, 1000, 2048, .max])
    func refusesAShardCount(count: Int) {
        var configuration = CacheConfiguration()
        configuration.shardCount = count
        expect(.invalidConfiguration, naming: "shardCount is \(count)", configuration)
    }

    @Test(arguments: [1, 2, 64, 1024])
    func acceptsAShardCount(count: Int) throws {
        var configuration = CacheConfiguration()
        configuration.shardCount = count
        #expect(try ProductionCache(configuration).store.shardCount == count)
    }

    /// Small caches are one shard; large ones have several, a power of two.
    @Test func shardsFollowTheBounds() throws {
        #expect(try ProductionCache(capacity: 1000).store.shardCount == 1)
        #expect(try ProductionCache(CacheConfiguration(memoryLimit: 1 << 20)).store.shardCount == 1)
        for configuration in [
            CacheConfiguration(), CacheConfiguration(capacity: 1 << 40), CacheConfiguration(memoryLimit: .max),
            CacheConfiguration(capacity: 1 << 20, memoryLimit: 1 << 30),
        ] {
            let count = try ProductionCache(configuration).store.shardCount
            #expect(count > 1 && count.isPowerOfTwo && count <= 256)
        }
    }

    @Test func powersOfTwo() {
        #expect([1, 2, 4, 1 << 62].allSatisfy { $0.isPowerOfTwo })
        #expect(![0, -1, 3, 5, .min, .max].contains { $0.isPowerOfTwo })
    }

    private func expect(_ code: CacheError.Code, naming text: String, _ configuration: CacheConfiguration) {
        let error = #expect(throws: CacheError.self) { try ProductionCache(configuration) }
        #expect(error?.code == code)
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }
}

@Suite struct TimeToLiveTests {
    @Test(
        arguments: [
            (.nanoseconds(1), 1),
            (Duration(secondsComponent: 0, attosecondsComponent: 1), 1),
            (.seconds(300), 300_000_000_000),
            (.seconds(315_360_000), 315_360_000_000_000_000),
        ] as [(Duration, Int64)])
    func acceptsADuration(ttl: Duration, expected: Int64) throws {
        #expect(try TimeToLive.nanoseconds(ttl) == expected)
    }

    @Test(arguments: [
        Duration.zero, .nanoseconds(-1), Duration(secondsComponent: 315_360_000, attosecondsComponent: 1),
        .seconds(Int64.max),
        .seconds(Int64.min),
    ])
    func refusesADuration(ttl: Duration) {
        let error = #expect(throws: CacheError.self) { try TimeToLive.nanoseconds(ttl) }
        #expect(error?.code == .invalidTTL)
        #expect(error?.message.contains("315360000") == true)
    }

    @Test(
        arguments: [
            (1.0, 1_000_000_000), (0.5, 500_000_000), (1e-9, 1), (1e-300, 1), (.leastNonzeroMagnitude, 1),
            (315_360_000, 315_360_000_000_000_000),
        ] as [(Double, Int64)])
    func acceptsSeconds(seconds: Double, expected: Int64) {
        #expect(TimeToLive.nanoseconds(seconds: seconds) == expected)
    }

    @Test(
        arguments: [0, -0.0, -1, 315_360_000.1, 1e30, .infinity, -.infinity, .nan, .greatestFiniteMagnitude] as [Double]
    )
    func refusesSeconds(seconds: Double) {
        #expect(TimeToLive.nanoseconds(seconds: seconds) == nil)
    }
}
