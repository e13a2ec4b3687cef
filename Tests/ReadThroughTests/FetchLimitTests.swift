import TestSupport
import Testing

@testable import ReadThrough

@Suite("Bound on fetches")
struct FetchLimitTests {
    @Test("So many run, so many wait, the others are refused")
    func bounds() {
        var limit = FetchLimit<Int>(most: 2, mostWaiting: 2)
        #expect((0..<6).map { limit.enter($0) } == [.runs, .runs, .waits(0), .waits(1), .refused, .refused])
        #expect(limit.running == 2)
        #expect(limit.waiting == 2)
    }

    @Test("Who came first is next")
    func order() {
        var limit = FetchLimit<Int>(most: 1, mostWaiting: 3)
        for waiter in 0..<4 { _ = limit.enter(waiter) }
        #expect((0..<4).map { _ in limit.leave() } == [1, 2, 3, nil])
        #expect(limit.running == 0)
        #expect(limit.enter(9) == .runs)
    }

    @Test("Who gives up leaves room, and is passed over")
    func givingUp() {
        var limit = FetchLimit<Int>(most: 1, mostWaiting: 2)
        for waiter in 0..<3 { _ = limit.enter(waiter) }
        #expect(limit.giveUp(0) == 1)
        #expect(limit.giveUp(0) == nil)
        #expect(limit.enter(3) == .waits(2))
        #expect(limit.leave() == 2)
        #expect(limit.giveUp(1) == nil, "its turn has come")
        #expect(limit.leave() == 3)
        #expect(limit.leave() == nil)
    }

    @Test("It never lets more run than it may, and forgets nobody")
    func model() {
        var generator = TestSeed.generator()
        var limit = FetchLimit<Int>(most: 3, mostWaiting: 4)
        var running = 0
        var queue: [(number: UInt64, waiter: Int)] = []
        for waiter in 0..<10_000 {
            switch generator.below(3) {
            case 0:
                switch limit.enter(waiter) {
                case .runs: running += 1
                case .waits(let number): queue.append((number, waiter))
                case .refused: #expect(queue.count == 4)
                }
            case 1 where running > 0:
                if let next = limit.leave() { #expect(next == queue.removeFirst().waiter) } else { running -= 1 }
            case 2 where !queue.isEmpty:
                let left = queue.remove(at: generator.below(queue.count))
                #expect(limit.giveUp(left.number) == left.waiter)
            default: break
            }
            #expect(limit.running == running)
            #expect(limit.waiting == queue.count)
            #expect(running <= 3 && (queue.isEmpty || running == 3))
        }
    }
}
