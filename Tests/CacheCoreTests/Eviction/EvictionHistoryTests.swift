import Synchronization
import TestSupport
import Testing

@testable import CacheCore

/// What policies keep of keys beside the entries: the ghost queue, the sketch, the window.
@Suite struct EvictionHistoryTests {
    // MARK: The ghost queue

    /// Against an array: first in, first out, a key that is taken out making room for one more.
    @Test(arguments: [10, 100, 1000])
    func theGhostQueueIsAQueue(capacity: Int) {
        var random = TestSeed.generator("theGhostQueueIsAQueue \(capacity)")
        var queue = GhostQueue(capacity: capacity, slotsPerEntry: 4)
        var keys: [UInt64] = []
        var gone: [UInt64] = []
        var wrong = 0
        for _ in 0..<capacity * 20 {
            if random.oneIn(4), let key = keys.randomElement(using: &random) {
                if !queue.take(key) { wrong += 1 }
                keys.removeAll { $0 == key }
                gone.append(key)
            } else {
                let key = random.next()
                if keys.count == capacity * 9 / 10 { gone.append(keys.removeFirst()) }
                queue.add(key)
                keys.append(key)
            }
        }
        for key in gone where queue.take(key) { wrong += 1 }
        for key in keys where !queue.take(key) { wrong += 1 }
        // A full set makes one leave early, a like fingerprint makes one pass for another: seldom, but in a small queue too.
        #expect(wrong <= max(3, capacity / 50), "\(wrong)")
    }

    @Test func aQueueOfNoLengthKnowsNothing() {
        for var queue in [GhostQueue(), GhostQueue(capacity: 1, slotsPerEntry: 2)] {
            queue.add(1)
            let isKnown = queue.take(1)
            #expect(!isKnown)
        }
        #expect(GhostQueue().footprint == 0)
    }

    @Test(arguments: [1, 10, 4096, 100_000], [1, 2])
    func itTakesWhatItSays(capacity: Int, slots: Int) {
        #expect(
            GhostQueue(capacity: capacity, slotsPerEntry: slots).footprint
                == GhostQueue.footprint(capacity: capacity, slotsPerEntry: slots))
        #expect(
            FrequencySketch(capacity: capacity, bytesPerEntry: Double(4 * slots)).footprint
                == FrequencySketch.footprint(capacity: capacity, bytesPerEntry: Double(4 * slots)))
    }

    // MARK: The sketch

    @Test func countsUpToFifteen() {
        var sketch = FrequencySketch(capacity: 1000, bytesPerEntry: 8)
        #expect(sketch.frequency(7) == 0)
        for expected in 1...20 {
            sketch.add(7)
            #expect(sketch.frequency(7) == min(expected, FrequencySketch.maximum))
        }
        #expect(sketch.frequency(8) == 0)
        var none = FrequencySketch()
        none.add(7)
        #expect(none.frequency(7) == 0 && none.footprint == 0)
    }

    /// An estimate is never too low before the first halving, and seldom too high.
    @Test func estimatesAreClose() {
        var random = TestSeed.generator("estimatesAreClose")
        var sketch = FrequencySketch(capacity: 1000, bytesPerEntry: 8)
        var counts: [UInt64: Int] = [:]
        let keys = (0..<1000).map { _ in random.next() }
        for _ in 0..<9000 {
            let key = keys[min(random.below(1000), random.below(1000))]
            sketch.add(key)
            counts[key, default: 0] += 1
        }
        var tooHigh = 0
        for key in keys {
            let truth = min(counts[key] ?? 0, FrequencySketch.maximum)
            #expect(sketch.frequency(key) >= truth)
            if sketch.frequency(key) > truth + 1 { tooHigh += 1 }
        }
        #expect(tooHigh < 100, "\(tooHigh) of 1000")
    }

    @Test func oldUsesCountHalf() {
        var sketch = FrequencySketch(capacity: 100, bytesPerEntry: 8)
        for _ in 0..<12 { sketch.add(7) }
        for other in 0..<UInt64(988) { sketch.add(1000 + other) }
        #expect((6...7).contains(sketch.frequency(7)))
    }

    // MARK: The window

    @Test func theWindowGoesOnWhileTheHitRateRises() {
        var window = AdaptiveWindow()
        #expect(window.windowSize(of: 1000) == 10 && window.protectedSize(of: 1000) == 792)
        #expect(window.step(size: 1000) == nil, "nothing was seen")
        func see(hits: Int) -> Double? {
            window.note(requests: 10_000, hits: hits)
            return window.step(size: 1000)
        }
        // The first is a rise from nothing, large enough to begin anew; then the steps get shorter.
        #expect(see(hits: 5000) == -0.0625)
        #expect(see(hits: 5100) == -0.0625)
        // A fall: back.
        #expect(see(hits: 5000).map { abs($0 - 0.0625 * 0.98) < 1e-9 } == true)
        #expect(see(hits: 5100).map { abs($0 - 0.0625 * 0.98 * 0.98) < 1e-9 } == true)
        // A great change begins anew, in the other direction if it is for the worse.
        #expect(see(hits: 1000).map { $0 < 0 } == true)
        #expect(see(hits: 1000) == -0.0625)
    }

    @Test func theWindowTakesFromTheProtected() {
        var window = AdaptiveWindow(share: 0.5)
        #expect(window.windowSize(of: 1000) == 500 && window.protectedSize(of: 1000) == 400)
        window.widen(by: 100, of: 1000)
        #expect(window.windowSize(of: 1000) == 600 && window.protectedSize(of: 1000) == 300)
        window.widen(by: -200, of: 1000)
        #expect(window.windowSize(of: 1000) == 400 && window.protectedSize(of: 1000) == 500)
        window.widen(by: 5000, of: 1000)
        #expect(window.windowSize(of: 1000) == 1000 && window.protectedSize(of: 1000) == 0)
        #expect(AdaptiveWindow().windowSize(of: 1) == 1)
    }

    /// A shard that has more entries than its even share of the capacity goes on remembering how often keys were used.
    @Test(arguments: [EvictionPolicy.wTinyLFU, .auto])
    func theHistoryOfAFullShardIsKept(policy: EvictionPolicy) throws {
        var configuration = CacheConfiguration(capacity: 32_768, eviction: policy, clock: .manual(ManualClock()))
        configuration.shardCount = 4
        let cache = try ProductionCache(configuration)
        let store = cache.store
        for number in 0..<32_768 { try cache.putJSON("key-\(number)", "1".utf8) }
        let counts = (0..<4).map { store.summaries[$0].count.load(ordering: .relaxed) }
        let fullest = try #require(counts.indices.max { counts[$0] < counts[$1] })
        try #require(counts[fullest] > 8192)
        let hash = try #require(
            (0..<32_768).lazy.map { number in withUTF8(of: "key-\(number)") { store.hasher.hash($0) } }
                .first { store.shardIndex($0) == fullest })
        store.withShard(fullest) { shard in for _ in 0..<15 { shard.order.sketch.add(hash) } }
        for number in 0..<20 { try cache.putJSON("new-\(number)", "1".utf8) }
        let frequency = store.withShard(fullest) { $0.order.sketch.frequency(hash) }
        #expect(frequency >= 15, "shards of \(counts) entries")
    }
}
