import Foundation
import TestSupport
import Testing

@testable import CacheCore

/// Writers that compete for the last room, where an unlucky order of steps could refuse, starve or never end.
@Suite struct ContentionTests {
    /// Two writers, each of which sees the other's room taken and nothing to evict yet, must both get in.
    @Test(arguments: [1, 2, 8])
    func everyPutGetsInWhenThereIsRoomForOne(shardCount: Int) throws {
        var configuration = CacheConfiguration(capacity: 1)
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        let puts = 4000
        try runThreads(4) { thread in
            for number in 0..<puts { try cache.putJSON("\(thread)-\(number % 16)", "1".utf8) }
        }
        let stats = cache.getStats()
        #expect(stats.puts == 4 * puts)
        #expect(stats.currentSize == 1)
        #expect(stats.puts == stats.replacements + stats.evictions + 1)
        audit(cache)
    }

    @Test(arguments: [1, 4])
    func everyPutGetsInWhenEachNeedsMostOfTheMemory(shardCount: Int) throws {
        var configuration = CacheConfiguration(memoryLimit: CacheConfiguration.minimumMemoryLimit)
        configuration.shardCount = shardCount
        let cache = try ProductionCache(configuration)
        let puts = 1000
        let value = json(count: 40_000)
        try runThreads(4) { thread in
            for number in 0..<puts { try cache.putJSON("\(thread)-\(number % 16)", value) }
        }
        #expect(cache.getStats().puts == 4 * puts)
        #expect(cache.getStats().currentSize == 1)
        audit(cache)
    }

    /// Readers that use every entry all the time make the oldest a moving target; an eviction must end all the same.
    @Test func evictionEndsWhileEveryEntryIsBeingRead() throws {
        var configuration = CacheConfiguration(capacity: 8)
        configuration.shardCount = 8
        let cache = try ProductionCache(configuration)
        let keys = (0..<64).map { "key-\($0)" }
        let isDone = Flag()
        let readers = ThreadRun(3)
        readers.start { _ in
            while !isDone.isUp { for key in keys { _ = withUTF8(of: key) { cache.lookup($0)?.count } } }
        }
        for number in 0..<3000 { try cache.putJSON(keys[number % keys.count], "\(number)".utf8) }
        isDone.raise()
        try readers.join()
        #expect(cache.getStats().puts == 3000)
        #expect(cache.getStats().currentSize == 8)
        audit(cache)
    }

    /// A value that needs the room of thousands of small ones, or nearly all there is, gets it, although others take what
    /// becomes free: the room that its evictions made is its own.
    @Test(arguments: [50, 95])
    func aLargeValueIsNotStarvedBySmallOnes(percent: Int) throws {
        let limit = 1 << 20
        var configuration = CacheConfiguration(memoryLimit: limit)
        configuration.shardCount = 4
        let cache = try ProductionCache(configuration)
        let large = json(count: limit / 100 * percent)
        let isDone = Flag()
        let writers = ThreadRun(3)
        writers.start { thread in
            var number = 0
            while !isDone.isUp {
                // Prepared beforehand and put in together, they grab room as fast as can be.
                var batch = WriteBatch(cache: cache, capacity: 200)
                for _ in 0..<200 {
                    number += 1
                    let key = Array("small-\(thread)-\(number % 20_000)".utf8)
                    try withBytes(of: key) { (key) throws(CacheError) in
                        try batch.append(key, json: Data("1".utf8), lifetime: nil)
                    }
                }
                try batch.commit()
            }
        }
        try waitUntil("the cache is full") { cache.getStats().evictions > 0 }
        var putsMeanwhile: [Int] = []
        for _ in 0..<10 {
            let before = cache.getStats().puts
            try cache.putJSON("large", large)
            putsMeanwhile.append(cache.getStats().puts - before)
            cache.delete("large")
            let goal = cache.getStats().puts + 10_000
            try waitUntil("the cache is full again") { cache.getStats().puts > goal }
        }
        isDone.raise()
        try writers.join()
        // It takes some thousands of evictions to make the room. Meanwhile the others go on, but in proportion.
        #expect(putsMeanwhile.sorted()[5] < 60_000, "\(putsMeanwhile)")
        audit(cache)
    }

    private func json(count: Int) -> [UInt8] {
        [UInt8(ascii: "\"")] + Array(repeating: UInt8(ascii: "v"), count: count - 2) + [UInt8(ascii: "\"")]
    }
}
