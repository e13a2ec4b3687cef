import TestSupport
import Testing

@testable import CacheCore

@Suite struct TimerWheelTests {
    private let entries = TestEntries()
    private static let day: Int64 = 86_400_000_000_000

    @Test func passesOverAnEntryWithoutExpiry() throws {
        var wheel = TimerWheel(now: 0)
        let entry = try entries.make("key")
        wheel.schedule(entry)
        #expect(entry.timerBucket == TimerWheel.noBucket)
        wheel.cancel(entry)
        #expect(expired(&wheel, at: Self.day).isEmpty)
    }

    /// Expiries just before, at and after the ends of the buckets of every level.
    @Test func expiresWithinATickAndNeverEarly() throws {
        var expiries: [Int64] = [1, 2]
        for level in 0..<5 {
            let span = TimerWheel.tick << Int64(level * 6)
            for bucket in [1, 2, 63, 64, 65] as [Int64] {
                expiries += [-1, 0, 1].map { bucket * span + $0 }
            }
        }
        let tenYears = CacheConfiguration.maximumTTL.nanoseconds
        for expiry in expiries + [tenYears] where expiry <= tenYears {
            for begin in [0, TimerWheel.tick * 63 + 5, Self.day * 20_000] {
                var wheel = TimerWheel(now: begin)
                let entry = try entries.make("key", expiresAt: begin + expiry)
                wheel.schedule(entry)
                #expect(expired(&wheel, at: begin + expiry - 1).isEmpty, "early: \(expiry) from \(begin)")
                #expect(
                    expired(&wheel, at: begin + expiry - 1 + TimerWheel.tick) == [entry],
                    "late: \(expiry) from \(begin)")
                #expect(entry.timerBucket == TimerWheel.noBucket)
            }
        }
    }

    @Test func aWheelAtThePresentHasNothingToDo() throws {
        var wheel = TimerWheel(now: 12_345)
        #expect(wheel.isDue(at: 12_345) == false)
        #expect(wheel.isDue(at: TimerWheel.tick) == true)
        #expect(expired(&wheel, at: Self.day).isEmpty)
        #expect(wheel.isDue(at: Self.day) == false)
    }

    /// The clock stands still for years, then goes on: nothing is left behind, however far beyond the wheel's reach it was
    /// when it was put in.
    @Test(arguments: [365, 1000, 1700, 3000, 3300, 3400, 3500, 3600, 3650, 4000, 20_000])
    func aLongPauseLeavesNothingBehind(days: Int64) throws {
        let year = Self.day * 365
        let spread = Int64(40) * TimerWheel.tick << 24
        for part in 0..<40 as Range<Int64> {
            var wheel = TimerWheel(now: year)
            let expiry = year + 1 + part * (10 * year / 40)
            let entry = try entries.make("key", expiresAt: expiry)
            wheel.schedule(entry)
            var now = year + days * Self.day
            #expect(expired(&wheel, at: now) == (expiry - 1 < now / TimerWheel.tick * TimerWheel.tick ? [entry] : []))
            guard entry.timerBucket != TimerWheel.noBucket else { continue }
            while now < expiry {
                now = min(now + spread / 13, expiry + TimerWheel.tick)
                let found = expired(&wheel, at: now)
                #expect(found.isEmpty == (now < expiry), "expires at \(expiry), now \(now)")
            }
        }
    }

    /// Against a plain list: random expiries from a nanosecond to ten years, random steps of time, cancellations, and
    /// budgets that end in the middle.
    @Test func agreesWithAList() throws {
        var random = TestSeed.generator()
        for round in 0..<12 {
            var now = Int64(random.below(1 << 40))
            var wheel = TimerWheel(now: now)
            var waiting: [Entry] = []
            // Short steps keep to the lower levels, long ones go through all.
            let longest = 12 + round * 4
            for step in 0..<1500 {
                if random.below(3) > 0 {
                    let lifetime = Int64(1 + random.below(min(1 << (1 + random.below(60)), 315_360_000_000_000_000)))
                    let entry = try entries.make("key-\(round)-\(step)", expiresAt: now + lifetime)
                    wheel.schedule(entry)
                    waiting.append(entry)
                }
                if random.oneIn(5), !waiting.isEmpty { wheel.cancel(waiting.remove(at: random.below(waiting.count))) }
                now += Int64(random.below(1 << random.below(longest)))
                guard random.oneIn(2) else { continue }
                let budget = random.oneIn(2) ? Int.max : random.below(6)
                var touched = 0
                let isComplete = wheel.advance(to: now, budget: budget) { entry in
                    touched += 1
                    #expect(entry.expiresAt <= now, "early")
                    guard let place = waiting.firstIndex(of: entry) else {
                        Issue.record("an entry expired that was not waiting")
                        return
                    }
                    waiting.remove(at: place)
                }
                #expect(touched <= budget)
                guard isComplete else { continue }
                #expect(waiting.allSatisfy { $0.expiresAt > now - TimerWheel.tick }, "late")
                #expect(wheel.isDue(at: now) == false)
            }
            now += CacheConfiguration.maximumTTL.nanoseconds + TimerWheel.tick
            #expect(Set(expired(&wheel, at: now).map(\.bits)) == Set(waiting.map(\.bits)))
        }
    }

    /// However small the budgets, the work ends, each entry is handed out once, and the total is in proportion.
    @Test func smallBudgetsGetThereToo() throws {
        var random = TestSeed.generator()
        var wheel = TimerWheel(now: 0)
        let all = try (0..<2000).map { number in
            try entries.make("key-\(number)", expiresAt: 1 + Int64(random.below(Int(Self.day) * 400)))
        }
        for entry in all { wheel.schedule(entry) }
        var found: [UInt] = []
        var calls = 0
        while !wheel.advance(to: Self.day * 401, budget: 7, { found.append($0.bits) }) { calls += 1 }
        #expect(calls <= 2000 * 5 / 7)
        #expect(found.count == 2000)
        #expect(Set(found) == Set(all.map(\.bits)))
    }

    @Test func cancelsAnywhereInABucket() throws {
        for victim in 0..<3 {
            var wheel = TimerWheel(now: 0)
            let all = try (0..<3).map { try entries.make("key-\($0)", expiresAt: 5) }
            for entry in all { wheel.schedule(entry) }
            wheel.cancel(all[victim])
            wheel.cancel(all[victim])
            let left = expired(&wheel, at: TimerWheel.tick)
            #expect(Set(left.map(\.bits)) == Set(all.filter { $0 != all[victim] }.map(\.bits)))
        }
    }

    /// Two threads may read the clock in one order and come to the wheel in the other.
    @Test func aTimeThatIsPastChangesNothing() throws {
        var wheel = TimerWheel(now: Self.day)
        let entry = try entries.make("key", expiresAt: Self.day + TimerWheel.tick * 100)
        wheel.schedule(entry)
        #expect(expired(&wheel, at: Self.day + TimerWheel.tick * 50).isEmpty)
        #expect(expired(&wheel, at: Self.day).isEmpty)
        let late = try entries.make("late", expiresAt: Self.day + 1)
        wheel.schedule(late)
        #expect(expired(&wheel, at: Self.day + TimerWheel.tick * 51) == [late])
        #expect(expired(&wheel, at: Self.day + TimerWheel.tick * 102) == [entry])
    }

    private func expired(_ wheel: inout TimerWheel, at now: Int64) -> [Entry] {
        var found: [Entry] = []
        let isComplete = wheel.advance(to: now, budget: .max) { found.append($0) }
        #expect(isComplete)
        return found
    }
}
