import Foundation
import TestSupport
import Testing

@testable import CacheCore

@Suite struct CacheClockTests {
    @Test func theMachinesClockNeverGoesBack() {
        let clock = CacheClock.monotonic
        #expect(!clock.isManual)
        var last = clock.now()
        for _ in 0..<1000 {
            let (now, rank) = clock.reading()
            #expect(now >= last)
            #expect(rank == now)
            last = now
        }
    }

    /// It runs at the speed of time, to a factor that a busy machine leaves.
    @Test func theMachinesClockRuns() throws {
        let clock = CacheClock.monotonic
        let begin = clock.now()
        let reference = ContinuousClock.now
        try waitUntil("ten milliseconds have passed") { clock.now() - begin >= 10_000_000 }
        #expect(ContinuousClock.now - reference >= .milliseconds(9))
        #expect(abs(clock.wallClock() / 1_000_000_000 - Int64(Date.now.timeIntervalSince1970)) < 60)
    }

    @Test func aManualClockStandsStill() {
        let manual = ManualClock(secondsSince1970: 100)
        let clock = CacheClock.manual(manual)
        #expect(clock.isManual)
        #expect(clock.now() == 0)
        #expect(clock.wallClock() == 100_000_000_000)
        manual.advance(by: .milliseconds(1500))
        manual.advance(by: .zero)
        #expect(clock.now() == 1_500_000_000)
        #expect(clock.wallClock() == 101_500_000_000)
        #expect(clock.now() == 1_500_000_000)
    }

    @Test func ranksOfAManualClockRiseByUses() {
        let clock = CacheClock.manual(ManualClock())
        let first = clock.reading(uses: 3)
        let second = clock.reading()
        let third = clock.reading()
        #expect(second.rank == first.rank + 3)
        #expect(third.rank == second.rank + 1)
        #expect(third.now == 0)
    }

    @Test func ranksOfAManualClockAreDistinctAmongThreads() throws {
        let clock = CacheClock.manual(ManualClock())
        try runThreads(4) { _ in for _ in 0..<1000 { _ = clock.reading(uses: 2) } }
        #expect(clock.reading().rank == 8000)
    }

    @Test(
        arguments: [
            (.zero, 0),
            (.nanoseconds(1), 1),
            (.nanoseconds(-1), -1),
            (.seconds(3), 3_000_000_000),
            (Duration(secondsComponent: 0, attosecondsComponent: 999_999_999), 0),
            (Duration(secondsComponent: 0, attosecondsComponent: 1_000_000_000), 1),
            (Duration(secondsComponent: 9_223_372_036, attosecondsComponent: 854_775_807_000_000_000), .max),
            (Duration(secondsComponent: 9_223_372_036, attosecondsComponent: 854_775_808_000_000_000), .max),
            (Duration(secondsComponent: -9_223_372_036, attosecondsComponent: -854_775_808_000_000_000), .min),
            (.seconds(Int64.max), .max),
            (.seconds(Int64.min), .min),
        ] as [(Duration, Int64)])
    func nanosecondsOfADuration(duration: Duration, expected: Int64) {
        #expect(duration.nanoseconds == expected)
    }
}
