import TestSupport
import Testing

@testable import CacheCore

@Suite struct PolicySelectorTests {
    private func selector(capacity: Int?, memoryLimit: Int? = nil) throws -> PolicySelector {
        try #require(PolicySelector(capacity: capacity, memoryLimit: memoryLimit))
    }

    /// A loop is W-TinyLFU's, what is used again within the length of the cache, and then no more, is the plain
    /// queues'; each in its turn.
    @Test func followsTheTraffic() throws {
        let selector = try selector(capacity: 200)
        #expect(selector.rules == .wTinyLFU)
        for _ in 0..<30 {
            for key in 0..<UInt64(300) { selector.observe(key) }
        }
        #expect(selector.rules == .wTinyLFU)
        for step in 0..<UInt64(20_000) {
            selector.observe(1000 + step)
            if step >= 60 { selector.observe(1000 + step - 60) }
        }
        #expect(selector.rules == .wideWindow || selector.rules == .sieve)
        for _ in 0..<60 {
            for key in 0..<UInt64(300) { selector.observe(key) }
        }
        #expect(selector.rules == .wTinyLFU)
    }

    /// Where all do alike, chance changes next to nothing: of 200 seeds, 194 saw no change, five saw one and one saw two.
    /// Without the demand for significance there are hundreds.
    @Test func chanceIsNoReason() throws {
        var random = TestSeed.generator("chanceIsNoReason")
        let selector = try selector(capacity: 100)
        var rules = selector.rules
        var changes = 0
        for _ in 0..<50_000 {
            selector.observe(UInt64(random.below(1000)))
            if selector.rules != rules {
                changes += 1
                rules = selector.rules
            }
        }
        #expect(changes <= 4)
    }

    @Test func theSampleFitsTheCache() throws {
        var random = TestSeed.generator("theSampleFitsTheCache")
        let hashes = (0..<100_000).map { _ in random.next() }
        func sampled(_ selector: PolicySelector) -> Int { hashes.count { selector.isSampled($0) } }
        #expect(sampled(try selector(capacity: 2048)) == hashes.count)
        let tenth = sampled(try selector(capacity: 20_480))
        #expect((9_500...10_500).contains(tenth), "\(tenth)")

        // Bounded by memory alone: nothing is known until the cache is full.
        let byMemory = try selector(capacity: nil, memoryLimit: 1 << 30)
        #expect(sampled(byMemory) == 0)
        byMemory.fit(to: 4096)
        #expect((48_500...51_500).contains(sampled(byMemory)))
        byMemory.fit(to: 4200)
        #expect((48_500...51_500).contains(sampled(byMemory)), "not worth a change")
        byMemory.fit(to: 500)
        #expect(sampled(byMemory) == hashes.count)
    }

    @Test func aSmallCacheSpendsLittle() throws {
        #expect(try selector(capacity: 1_000_000).footprint <= 256 << 10)
        #expect(PolicySelector(capacity: nil, memoryLimit: 64 << 10) == nil, "it could learn nothing")
        let small = try selector(capacity: nil, memoryLimit: 4 << 20)
        #expect(small.footprint <= (4 << 20) / 64)
        #expect(try selector(capacity: 1).footprint < 4096)
    }
}
