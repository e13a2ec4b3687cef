import Testing

@testable import CacheCore

/// Each policy's choices on traces that were worked out by hand from its paper.
@Suite struct PolicyTraceTests {
    /// What of a trace was found, and what is held afterwards.
    private func replay(_ rules: EvictionRules, capacity: Int, _ trace: [UInt64]) -> (hits: [UInt64], held: Set<UInt64>)
    {
        var cache = GhostCache(rules, capacity: capacity)
        let hits = trace.filter { cache.request($0) }
        return (hits, cache.held)
    }

    @Test func leastRecentlyUsed() {
        let (hits, held) = replay(.lru, capacity: 3, [1, 2, 3, 1, 4, 2, 5, 1])
        // 4 takes the room of 2, 2 of 3, 5 of 1, 1 of 4.
        #expect(hits == [1])
        #expect(held == [2, 5, 1])
    }

    @Test func sieve() {
        // 1 was used: for 4 the hand forgives it and takes 2. It goes on from 3, which 5 takes the room of; 6 that of 4.
        // 1 is still there. It was used again, so the hand, round at it, passes once more: 7 takes the room of 5.
        let (hits, held) = replay(.sieve, capacity: 3, [1, 2, 3, 1, 4, 5, 1, 6, 1, 7])
        #expect(hits == [1, 1, 1])
        #expect(held == [1, 6, 7])
    }

    @Test func s3FIFO() {
        // Ten in the small queue. 11 takes the room of the oldest, 1, which comes back to the main queue for 2. 3 was used twice:
        // it goes on to the main queue, and 4 makes room for 12. 3 is used there and stays; 1 and the rest are not.
        let (hits, held) = replay(
            .s3FIFO, capacity: 10, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3, 3, 11, 1, 12] + Array(20..<27))
        #expect(hits == [3, 3])
        #expect(held == [1, 3, 12, 20, 21, 22, 23, 24, 25, 26])
    }

    /// What was used twice while it was in the small queue survives any scan of the length of the cache; once is not enough.
    @Test func s3FIFOWithstandsAScan() {
        let twice: [UInt64] = [1, 2, 3]
        let trace = (1..<11) + twice + twice + [4, 5] + Array(100..<109)
        let held = replay(.s3FIFO, capacity: 10, trace.map { UInt64($0) }).held
        #expect(held.isSuperset(of: twice))
        #expect(held.isDisjoint(with: [4, 5]))
    }

    /// A window of one, and a main part whose entries were all used: nobody who was used less often gets in, until the
    /// counts are halved after a hundred uses.
    @Test func wTinyLFUWithstandsAScan() {
        let main = Array(UInt64(1)...9)
        let (_, held) = replay(.wTinyLFU, capacity: 10, main + [10] + main + main + Array(1000..<1060))
        #expect(held == Set(main + [1059]))
    }

    /// A newcomer that is asked for again and again replaces what is used no more.
    @Test func wTinyLFULearns() {
        let trace = Array(UInt64(1)...10) + Array(UInt64(1)...10)
        let newcomer = (0..<12).flatMap { round in [UInt64(50), 100 + UInt64(round)] }
        let (hits, held) = replay(.wTinyLFU, capacity: 10, trace + newcomer)
        #expect(held.contains(50))
        #expect(hits.filter { $0 == 50 }.count >= 8)
    }

    /// A loop that is larger than the cache: the least recently used is always the next, and a part is kept by frequency.
    @Test func aLoop() {
        let loop = (0..<40).flatMap { _ in Array(UInt64(1)...150) }
        func hits(_ rules: EvictionRules) -> Int { replay(rules, capacity: 100, loop).hits.count }
        #expect(hits(.lru) == 0)
        #expect(hits(.sieve) == 0)
        #expect(hits(.wTinyLFU) > loop.count / 3)
    }
}

extension GhostCache {
    /// The hashes of all entries.
    var held: Set<UInt64> {
        var hashes: Set<UInt64> = []
        for start in [order.first.oldest, order.second.oldest, order.third.oldest] {
            var node = start
            while let current = node {
                hashes.insert(current.hash)
                node = current.newer
            }
        }
        return hashes
    }
}
