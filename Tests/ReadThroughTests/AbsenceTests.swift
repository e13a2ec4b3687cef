import CacheCore
import Foundation
import TestSupport
import Testing

@testable import ReadThrough

/// That an origin has nothing under a key is known no longer once the key has been written, however.
@Suite("What an origin has nothing of, and writes")
struct AbsenceTests {
    /// A way to write the key `a`, so that it lives for a second.
    enum Write: CaseIterable {
        case put, putMany, warm, increment, patch, restore
    }

    private func write(_ write: Write, to cache: ProductionCache, _ clock: ManualClock) throws {
        switch write {
        case .put: try cache.putJSON("a", "1".utf8, ttl: .seconds(1))
        case .putMany: try cache.mput(["b": 1, "a": 1], ttl: .seconds(1))
        case .warm:
            let report = cache.warm(from: [CacheItem(key: "a", json: Array("1".utf8), ttl: .seconds(1))])
            #expect(report.loaded == 1)
        case .increment: try cache.increment("a", by: 1, initial: 0, ttl: .seconds(1))
        case .patch:
            try cache.putJSON("a", "{}".utf8)
            #expect(try cache.mergeJSON("a", "{\"b\":1}".utf8, ttl: .seconds(1)))
        case .restore:
            let path = FileManager.default.temporaryDirectory.appending(path: "absence-\(UUID()).zst").path
            // What cannot be removed is the system's to clear up.
            defer { try? FileManager.default.removeItem(atPath: path) }
            let other = try ProductionCache(CacheConfiguration(clock: .manual(clock)))
            try other.putJSON("a", "1".utf8, ttl: .seconds(1))
            try other.writeSnapshot(to: path)
            #expect(try cache.restoreSnapshot(from: path)?.loaded == 1)
        }
    }

    @Test("A value that was written and is gone is asked for", arguments: Write.allCases)
    func writes(by way: Write) throws {
        let origin = try ScriptedOrigin { $0.negativeTimeToLive = .seconds(60) }
        origin.always(.status(404))
        #expect("\(origin.get())" == "absent 404 stored")
        #expect("\(origin.get())" == "known to be absent")
        try write(way, to: origin.cache, origin.clock)
        #expect("\(origin.get())".hasPrefix("fresh"))
        origin.advance(by: .seconds(2))
        #expect("\(origin.get())" == "absent 404 stored", "what is known of it is older than the write")
    }

    @Test("So is one that was written while the origin was asked", arguments: Write.allCases)
    func writesMeanwhile(by way: Write) throws {
        let origin = try ScriptedOrigin { $0.negativeTimeToLive = .seconds(60) }
        let got = origin.get()
        try write(way, to: origin.cache, origin.clock)
        try origin.answer(.status(404))
        #expect("\(got)" != "waiting")
        origin.advance(by: .seconds(2))
        let again = origin.get()
        if way == .restore {
            // What was restored is from before the origin was asked.
            #expect("\(again)" == "known to be absent")
        } else {
            #expect("\(again)" == "waiting")
        }
    }

    @Test("No read behind a write and a delete is answered by what was known before", arguments: [1, 8])
    func inParallel(shardCount: Int) throws {
        let origin = try ScriptedOrigin(shardCount: shardCount) { $0.negativeTimeToLive = .seconds(60) }
        origin.always(.status(404))
        var random = TestSeed.generator("inParallel \(shardCount)")
        var words: [UInt64] = []
        let isOver = Flag()
        // Others read the one key all the time, and note that there is nothing. What they read is no matter: that it is noted is.
        let readers = ThreadRun(2)
        readers.start { _ in while !isOver.isUp { _ = origin.get() } }
        defer { isOver.raise() }
        for round in 0..<Self.rounds {
            origin.always(.status(404))
            let asked = origin.requestCount
            origin.cache.delete("a")
            // Another has been told that there is nothing, and is about to note it, or has.
            while origin.requestCount == asked { sched_yield() }
            for _ in 0..<random.below(Self.mostWords) { words.append(random.next()) }
            words.removeAll(keepingCapacity: true)
            // From now on there is something: who says that there is not was told so before.
            origin.always(.ok("2"))
            if round % 2 == 0 { try origin.cache.mput(["a": 1]) }
            origin.cache.delete("a")
            var got = "\(origin.get())"
            // A load that another began may have had its answer before the delete.
            while got == "waiting" || got.hasSuffix(", collapsed") { got = "\(origin.get())" }
            guard ["fresh 2", "value 2 200 stored"].contains(got) else {
                Issue.record("in round \(round) it is \(got)")
                break
            }
        }
        isOver.raise()
        try readers.join()
    }

    private static let rounds = TestScale.operations(percent: 1) / 7
    private static let mostWords = 300
}
