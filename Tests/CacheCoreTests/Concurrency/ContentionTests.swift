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
        let puts = TestScale.operations(percent: 1) * 2 / 5
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
        let puts = TestScale.operations(percent: 1) * 3 / 10
        for number in 0..<puts { try cache.putJSON(keys[number % keys.count], "\(number)".utf8) }
        isDone.raise()
        try readers.join()
        #expect(cache.getStats().puts == puts)
        #expect(cache.getStats().currentSize == 8)
        audit(cache)
    }

    /// A value that needs the room of thousands of small ones, or nearly all there is, gets it, although others take what
    /// becomes free: the room that its evictions made is its own, so that it takes about the work that it takes alone.
    @Test(arguments: [50, 90])
    func aLargeValueIsNotStarvedBySmallOnes(percent: Int) throws {
        let limit = 256 << 10
        var configuration = CacheConfiguration(memoryLimit: limit)
        configuration.shardCount = 4
        let cache = try ProductionCache(configuration)
        let large = json(count: limit / 100 * percent)
        @Sendable func putSmallOnes(_ numbers: Range<Int>, of thread: Int) throws {
            // Prepared beforehand and put in together, they grab room as fast as can be.
            var batch = WriteBatch(cache: cache, capacity: numbers.count)
            for number in numbers {
                let key = Array("small-\(thread)-\(number % 20_000)".utf8)
                try withBytes(of: key) { (key) throws(CacheError) in
                    try batch.append(key, json: Data("1".utf8), lifetime: nil)
                }
            }
            try batch.commit()
        }
        /// Of five large puts, each into a cache that is full.
        func medianWork(fill: () throws -> Void) throws -> Double {
            try (0..<5).map { _ in
                try fill()
                // Not the time that passes: while this thread waits for a processor, the others go on.
                let start = threadProcessorTime()
                try cache.putJSON("large", large)
                let work = threadProcessorTime() - start
                cache.delete("large")
                return work
            }.sorted()[2]
        }

        let workAlone = try medianWork {
            for batch in 0..<100 { try putSmallOnes(batch * 200..<(batch + 1) * 200, of: 0) }
        }
        #expect(cache.getStats().evictions > 0)
        let isDone = Flag()
        let writers = ThreadRun(3)
        writers.start { thread in
            var number = 0
            while !isDone.isUp {
                try putSmallOnes(number..<number + 200, of: thread)
                number += 200
            }
        }
        let work = try medianWork {
            let goal = cache.getStats().puts + 10_000
            try waitUntil("the cache is full") { cache.getStats().puts > goal }
        }
        isDone.raise()
        try writers.join()
        #expect(work < 10 * workAlone, "\(work) s; alone: \(workAlone) s")
        audit(cache)
    }

    private func json(count: Int) -> [UInt8] {
        [UInt8(ascii: "\"")] + Array(repeating: UInt8(ascii: "v"), count: count - 2) + [UInt8(ascii: "\"")]
    }
}
