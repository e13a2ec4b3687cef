import TestSupport
import Testing

@testable import CacheCore

@Suite struct TimerWheelTests {
    private typealias Page = Slab.PageIndex

    private let entries = TestEntries()
    private static let day: Int64 = 86_400_000_000_000

    /// A page of the slab that is in no wheel.
    private func makePage() -> Page {
        let slab = entries.slab
        let slot = slab.take(slab.geometry.pieceClass)
        // All its slots are handed out, so that the next is another.
        for _ in 1..<slab.state.pointee.classes[slab.geometry.pieceClass].slotsPerPage {
            _ = slab.take(slab.geometry.pieceClass)
        }
        return slab.page(of: slot)
    }

    private func bucket(_ page: Page) -> Int16 { entries.slab.page(page).pointee.timerBucket }
    private func due(_ page: Page) -> Int64 { entries.slab.page(page).pointee.due }
    private func makeWheel(now: Int64) -> TimerWheel { TimerWheel(now: now, slab: entries.slab) }

    @Test func passesOverAPageWithoutExpiry() {
        var wheel = makeWheel(now: 0)
        let page = makePage()
        wheel.note(expiry: Entry.never, of: page)
        #expect(bucket(page) == TimerWheel.noBucket)
        wheel.cancel(page)
        #expect(expired(&wheel, at: Self.day).isEmpty)
    }

    /// A page is looked at when the first of its entries expires.
    @Test func theEarliestExpiryCounts() {
        var wheel = makeWheel(now: 0)
        let page = makePage()
        for expiry in [50, 20, 90, 30] as [Int64] { wheel.note(expiry: expiry * Self.day, of: page) }
        #expect(due(page) == 20 * Self.day)
        #expect(expired(&wheel, at: 20 * Self.day - 1).isEmpty)
        #expect(expired(&wheel, at: 20 * Self.day + TimerWheel.tick) == [page])
        #expect(due(page) == .max)
        wheel.note(expiry: 30 * Self.day, of: page)
        #expect(expired(&wheel, at: 30 * Self.day + TimerWheel.tick) == [page])
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
                var wheel = makeWheel(now: begin)
                let entry = makePage()
                wheel.note(expiry: begin + expiry, of: entry)
                #expect(expired(&wheel, at: begin + expiry - 1).isEmpty, "early: \(expiry) from \(begin)")
                #expect(
                    expired(&wheel, at: begin + expiry - 1 + TimerWheel.tick) == [entry],
                    "late: \(expiry) from \(begin)")
                #expect(bucket(entry) == TimerWheel.noBucket)
            }
        }
    }

    @Test func aWheelAtThePresentHasNothingToDo() throws {
        var wheel = makeWheel(now: 12_345)
        #expect(wheel.nextDue > 12_345)
        #expect(wheel.nextDue == .max)
        #expect(wheel.nextDue > Self.day * 10_000, "there is no entry")
        let entry = makePage()
        wheel.note(expiry: 12_345, of: entry)
        #expect(wheel.nextDue == TimerWheel.tick)
        #expect(expired(&wheel, at: TimerWheel.tick) == [entry])
        #expect(wheel.nextDue == .max)
    }

    /// To look when something is due, and at no other time, is enough; and it is seldom due for nothing.
    @Test(arguments: [0, 5, 64, 4000, 300_000, 20_000_000])
    func whenItIsDueIsEarlyEnough(ticks: Int64) throws {
        var wheel = makeWheel(now: 7)
        // An empty wheel is not looked after: its levels lag behind.
        let start = ticks * TimerWheel.tick
        let expiry = start + ticks / 3 * TimerWheel.tick + 99
        let entry = makePage()
        wheel.note(expiry: expiry, of: entry)
        var found: [Page] = []
        var looks = 0
        while found.isEmpty {
            let due = wheel.nextDue
            try #require(due <= expiry + TimerWheel.tick, "late")
            found = expired(&wheel, at: max(due, start))
            looks += 1
        }
        #expect(found == [entry])
        #expect(looks <= 6, "once a level")
    }

    /// The clock stands still for years, then goes on: nothing is left behind, however far beyond the wheel's reach it was
    /// when it was put in.
    @Test(arguments: [365, 1000, 1700, 3000, 3300, 3400, 3500, 3600, 3650, 4000, 20_000])
    func aLongPauseLeavesNothingBehind(days: Int64) throws {
        let year = Self.day * 365
        let spread = Int64(40) * TimerWheel.tick << 24
        for part in 0..<40 as Range<Int64> {
            var wheel = makeWheel(now: year)
            let expiry = year + 1 + part * (10 * year / 40)
            let entry = makePage()
            wheel.note(expiry: expiry, of: entry)
            var now = year + days * Self.day
            #expect(expired(&wheel, at: now) == (expiry - 1 < now / TimerWheel.tick * TimerWheel.tick ? [entry] : []))
            guard bucket(entry) != TimerWheel.noBucket else { continue }
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
            var wheel = makeWheel(now: now)
            var waiting: [Page: Int64] = [:]
            var pages: [Page] = []
            // Short steps keep to the lower levels, long ones go through all.
            let longest = 12 + round * 4
            for _ in 0..<1500 {
                if random.below(3) > 0 {
                    let lifetime = Int64(1 + random.below(min(1 << (1 + random.below(60)), 315_360_000_000_000_000)))
                    let page = random.oneIn(4) || pages.isEmpty ? makePage() : random.element(of: pages)
                    pages.append(page)
                    wheel.note(expiry: now + lifetime, of: page)
                    waiting[page] = min(waiting[page] ?? .max, now + lifetime)
                }
                if random.oneIn(5), !waiting.isEmpty {
                    let page = random.element(of: waiting.keys.sorted())
                    wheel.cancel(page)
                    waiting[page] = nil
                }
                now += Int64(random.below(1 << random.below(longest)))
                guard random.oneIn(2) else { continue }
                if wheel.nextDue > now { #expect(waiting.values.allSatisfy { $0 > now - TimerWheel.tick }) }
                #expect(!waiting.isEmpty || wheel.nextDue == .max)
                var budget = random.oneIn(2) ? Int.max : random.below(6)
                let before = budget
                while let page = wheel.next(at: now, budget: &budget) {
                    let expiry = waiting.removeValue(forKey: page)
                    try #require(expiry != nil, "a page that was not waiting")
                    #expect(expiry! <= now, "early")
                }
                #expect(budget >= 0 && budget <= before)
                guard budget > 0 else { continue }
                #expect(waiting.values.allSatisfy { $0 > now - TimerWheel.tick }, "late")
                #expect(wheel.nextDue > now)
            }
            now += CacheConfiguration.maximumTTL.nanoseconds + TimerWheel.tick
            let last = expired(&wheel, at: now)
            #expect(Set(last) == Set(waiting.keys))
        }
    }

    /// However small the budgets, the work ends, each entry is handed out once, and the total is in proportion.
    @Test func smallBudgetsGetThereToo() throws {
        var random = TestSeed.generator()
        var wheel = makeWheel(now: 0)
        let all = (0..<2000).map { _ in makePage() }
        for page in all { wheel.note(expiry: 1 + Int64(random.below(Int(Self.day) * 400)), of: page) }
        var found: [Page] = []
        var calls = 0
        var budget = 0
        repeat {
            budget = 7
            while let page = wheel.next(at: Self.day * 401, budget: &budget) { found.append(page) }
            calls += 1
        } while budget == 0
        #expect(calls <= 2000 * 5 / 7 + 1)
        #expect(found.count == 2000)
        #expect(Set(found) == Set(all))
    }

    @Test func cancelsAnywhereInABucket() throws {
        for victim in 0..<3 {
            var wheel = makeWheel(now: 0)
            let all = (0..<3).map { _ in makePage() }
            for page in all { wheel.note(expiry: 5, of: page) }
            wheel.cancel(all[victim])
            wheel.cancel(all[victim])
            let left = expired(&wheel, at: TimerWheel.tick)
            #expect(Set(left) == Set(all.filter { $0 != all[victim] }))
        }
    }

    /// Two threads may read the clock in one order and come to the wheel in the other.
    @Test func aTimeThatIsPastChangesNothing() throws {
        var wheel = makeWheel(now: Self.day)
        let entry = makePage()
        wheel.note(expiry: Self.day + TimerWheel.tick * 100, of: entry)
        #expect(expired(&wheel, at: Self.day + TimerWheel.tick * 50).isEmpty)
        #expect(expired(&wheel, at: Self.day).isEmpty)
        let late = makePage()
        wheel.note(expiry: Self.day + 1, of: late)
        #expect(expired(&wheel, at: Self.day + TimerWheel.tick * 51) == [late])
        #expect(expired(&wheel, at: Self.day + TimerWheel.tick * 102) == [entry])
    }

    private func expired(_ wheel: inout TimerWheel, at now: Int64) -> [Page] {
        var found: [Page] = []
        var budget = Int.max
        while let page = wheel.next(at: now, budget: &budget) { found.append(page) }
        return found
    }
}
