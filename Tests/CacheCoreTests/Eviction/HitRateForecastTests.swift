import TestSupport
import Testing

@testable import CacheCore

@Suite struct HitRateForecastTests {
    /// A client that asks for a key, and puts it in if it is missing.
    private struct Client {
        let cache: ProductionCache
        let clock = ManualClock()

        init(
            capacity: Int? = nil, memoryLimit: Int? = nil, eviction: EvictionPolicy = .lru, shardCount: Int? = 1
        ) throws {
            var configuration = CacheConfiguration(
                capacity: capacity, memoryLimit: memoryLimit, eviction: eviction, clock: .manual(clock))
            configuration.shardCount = shardCount
            cache = try ProductionCache(configuration)
        }

        func ask(_ key: Int, value: String = "1", ttl: Duration? = nil) throws {
            if cache.getJSON("\(key)") == nil { try cache.putJSON("\(key)", value.utf8, ttl: ttl) }
        }

        /// The figures with all uses told.
        var stats: CacheStats {
            for shard in 0..<cache.store.shardCount { cache.store.withShard(shard) { _ in } }
            return cache.getStats()
        }

        var hitRates: [Double?] { stats.whatIf.map(\.hitRate) }
    }

    /// Keys of which small ones are asked for much more often.
    private func keys(_ count: Int, upTo most: Int, _ random: inout SplitMix64) -> [Int] {
        (0..<count).map { _ in random.below(1 + random.below(1 + random.below(most))) }
    }

    /// With all keys in the sample, and the order told exactly, the estimate is what such a cache does.
    @Test(arguments: [EvictionPolicy.lru, .sieve, .s3FIFO])
    func isExactForASmallCache(policy: EvictionPolicy) throws {
        var random = TestSeed.generator("isExactForASmallCache")
        let keys = keys(8000, upTo: 3000, &random)
        let client = try Client(capacity: 128, eviction: policy)
        let others = try [64, 256, 512].map { try Client(capacity: $0, eviction: policy) }
        for key in keys {
            for client in [client] + others { try client.ask(key) }
        }
        for (estimate, other) in zip(client.hitRates, others) {
            let difference = try #require(estimate) - other.stats.hitRate
            #expect(abs(difference) < (policy == .s3FIFO ? 0.3 : 1e-9), "\(difference)")
        }
    }

    /// What is put without having been asked for, deleted, and expires, is so in the ghost caches too.
    @Test func knowsPutsDeletionsAndExpiry() throws {
        var random = TestSeed.generator("knowsPutsDeletionsAndExpiry")
        let client = try Client(capacity: 128)
        let others = try [64, 256, 512].map { try Client(capacity: $0) }
        for key in keys(8000, upTo: 3000, &random) {
            let action = random.below(20)
            for client in [client] + others {
                switch action {
                case 0: try client.cache.putJSON("\(key)", "2".utf8, ttl: .seconds(1000))
                case 1: client.cache.delete("\(key)")
                default: try client.ask(key, ttl: .seconds(1000))
                }
                client.clock.advance(by: .seconds(1))
            }
        }
        for (estimate, other) in zip(client.hitRates, others) {
            #expect(abs(try #require(estimate) - other.stats.hitRate) < 1, "\(estimate ?? -1) \(other.stats.hitRate)")
        }
    }

    @Test func aSampleIsNearTheTruth() throws {
        var random = TestSeed.generator("aSampleIsNearTheTruth")
        let keys = keys(80_000, upTo: 60_000, &random)
        let client = try Client(capacity: 4000, shardCount: 2)
        let others = try [2000, 8000, 16_000].map { try Client(capacity: $0, shardCount: 2) }
        for key in keys {
            for client in [client] + others { try client.ask(key) }
        }
        for (estimate, other) in zip(client.hitRates, others) {
            #expect(abs(try #require(estimate) - other.stats.hitRate) < 2, "\(estimate ?? -1) \(other.stats.hitRate)")
        }
    }

    /// Where the policy is chosen, it would be another at another size: a loop is W-TinyLFU's as long as it does not fit.
    @Test func theChoiceIsMadeForEachSize() throws {
        let client = try Client(capacity: 200, eviction: .auto)
        for key in 0..<30_000 { try client.ask(key % 300) }
        // Half: a third of the loop; LRU, SIEVE and S3-FIFO would hit nothing.
        let rates = try client.hitRates.map { try #require($0) }
        #expect(rates[0] > 10 && rates[1] > 80 && rates[2] > 80, "\(rates)")
    }

    /// Bounded by memory, a cache knows its capacity once it is full, and its ghost caches are empty then.
    @Test func beginsWhenAFullCacheHasBeenWatched() throws {
        var random = TestSeed.generator("beginsWhenAFullCacheHasBeenWatched")
        let client = try Client(memoryLimit: 2 << 20)
        for key in 0..<1000 { try client.ask(key) }
        #expect(client.hitRates == [nil, nil, nil])
        func keys(_ count: Int) -> [Int] { (0..<count).map { _ in random.below(1 + random.below(100_000)) } }
        let value = String(repeating: "1", count: 100)
        for key in keys(200_000) { try client.ask(key, value: value) }
        client.cache.maintain()
        for key in keys(10_000) { try client.ask(key, value: value) }
        #expect(!client.hitRates.contains(nil))
        client.cache.resetStats()
        #expect(client.hitRates == [nil, nil, nil], "nothing was asked since")
        for key in keys(30_000) { try client.ask(key, value: value) }
        let stats = client.stats
        let rates = try stats.whatIf.map { try #require($0.hitRate) }
        #expect(rates[0] < stats.hitRate && stats.hitRate < rates[1] && rates[1] <= rates[2], "\(stats)")
    }

    /// Who deletes a key before asking for it gains nothing by more room, also when the cache has evicted it already.
    @Test func aDeletedKeyIsDeletedEverywhere() throws {
        let client = try Client(capacity: 4)
        for _ in 0..<10 {
            for key in 0..<8 {
                client.cache.delete("\(key)")
                try client.ask(key)
            }
        }
        #expect(client.hitRates == [0, 0, 0])
    }

    /// A larger ghost cache keeps a key no longer than its time to live, though the real cache got it anew meanwhile.
    @Test func nothingIsFoundBeyondItsExpiry() throws {
        let client = try Client(capacity: 2)
        for _ in 0..<20 {
            for key in 0..<4 { try client.ask(key, ttl: .seconds(1)) }
            client.clock.advance(by: .seconds(1))
        }
        #expect(client.hitRates == [0, 0, 0])
    }

    /// Few large entries filled the memory once; where many small ones are then, the sample is theirs.
    @Test func theSampleFollowsSmallerEntries() throws {
        let client = try Client(memoryLimit: 32 << 20)
        let large = String(repeating: "1", count: 4 << 20)
        for key in 0..<20 { try client.ask(key, value: large) }
        client.cache.deleteAll()
        let forecast = try #require(client.cache.store.observers.forecast)
        #expect(forecast.sample.rate == 1)
        for key in 0..<20_000 { try client.ask(key) }
        client.cache.maintain()
        #expect(forecast.sample.rate < 0.2)
    }

    @Test func countersSetToZeroBeginAnew() throws {
        let client = try Client(capacity: 4)
        for _ in 0..<10 { for key in 0..<8 { try client.ask(key) } }
        #expect(client.stats.hitRate == 0)
        #expect(client.hitRates == [0, 90, 90], "a loop of twice the capacity")
        client.cache.resetStats()
        for _ in 0..<10 { for key in 0..<8 { try client.ask(key) } }
        #expect(client.hitRates == [0, 100, 100])
    }

    @Test func takesLittleMemory() throws {
        func forecast(capacity: Int? = nil, memoryLimit: Int? = nil) -> HitRateForecast? {
            HitRateForecast(capacity: capacity, memoryLimit: memoryLimit, policy: .auto)
        }
        for shift in 24...34 {
            let limit = 1 << shift
            #expect(try #require(forecast(memoryLimit: limit)).footprint < limit / 100)
        }
        #expect(forecast(memoryLimit: 64 << 10) == nil, "it could learn nothing")
        #expect(forecast() == nil, "without a bound there is nothing to ask")
        #expect(try #require(forecast(capacity: 1)).footprint < 8192)
        #expect(try ProductionCache(CacheConfiguration()).getStats().whatIf == HitRateEstimate.unknown)
    }
}
