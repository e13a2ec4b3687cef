import Synchronization
import TestSupport
import Testing

@testable import CacheCore

struct FlightsTests {
    /// What closures were told, in their order.
    private final class Told: Sendable {
        private let outcomes = Mutex<[Int]>([])
        func add(_ outcome: Int) { outcomes.withLock { $0.append(outcome) } }
        var all: [Int] { outcomes.withLock { $0 } }
    }

    private let flights = Flights<Int>()
    private let told = Told()

    private func join(_ key: String = "k") -> Flights<Int>.Seat {
        flights.join(Array(key.utf8)) { [told] in told.add($0) }
    }

    @Test func theFirstLeadsAndAllAreTold() {
        let seats = (0..<3).map { _ in join() }
        #expect(seats.map(\.isLeader) == [true, false, false])
        #expect(Set(seats.map(\.flight)).count == 1)
        #expect(join("other").isLeader)
        #expect(flights.count == 2)
        #expect(flights.finish(seats[0].flight, 7))
        #expect(told.all == [7, 7, 7])
        #expect(!flights.finish(seats[0].flight, 8))
        #expect(told.all == [7, 7, 7])
        #expect(flights.count == 1)
        #expect(join().isLeader)
    }

    @Test func whoLeavesIsNotTold() {
        let seats = (0..<3).map { _ in join() }
        // The leader's load goes on for the others.
        #expect(flights.leave(seats[0]) == .left)
        #expect(flights.leave(seats[0]) == .ended)
        flights.finish(seats[0].flight, 7)
        #expect(told.all == [7, 7])
        #expect(flights.leave(seats[1]) == .ended)
    }

    @Test func aFlightThatAllLeaveIsAbandoned() {
        let (first, second) = (join(), join())
        flights.onAbandonment(of: first.flight) { [told] in told.add(-1) }
        #expect(flights.leave(first) == .left)
        #expect(told.all == [])
        #expect(flights.leave(second) == .abandoned)
        #expect(told.all == [-1])
        // The next is another flight, which the end of the abandoned one is nothing to.
        let third = join()
        #expect(third.isLeader)
        #expect(!flights.finish(first.flight, 7))
        #expect(told.all == [-1])
        flights.finish(third.flight, 8)
        #expect(told.all == [-1, 8])
    }

    @Test func whoComesTooLateToHearOfTheAbandonmentHearsAtOnce() {
        let seat = join()
        flights.leave(seat)
        flights.onAbandonment(of: seat.flight) { [told] in told.add(-1) }
        #expect(told.all == [-1])
    }

    @Test func whatIsBegunInTheBackgroundIsJoinedAndNotAbandoned() throws {
        let flight = try #require(flights.begin(Array("k".utf8)))
        #expect(flights.begin(Array("k".utf8)) == nil)
        let seat = join()
        #expect(!seat.isLeader && seat.flight == flight)
        #expect(flights.leave(seat) == .left)
        _ = join()
        flights.finish(flight, 7)
        #expect(told.all == [7])
    }

    /// Each joins, and leaves or stays; whoever leads ends the flight. Everybody who stays is told once, whoever left is not.
    @Test func threadsAreEachToldOnce() throws {
        let flights = Flights<Int>(stripes: 2)
        let seed = TestSeed.generator()
        let told = Tally()
        let stayed = Tally()
        let led = Tally()
        try runThreads(8) { thread in
            var random = seed
            for _ in 0..<thread { _ = random.next() }
            for _ in 0..<3000 {
                let key = [UInt8(random.below(3))]
                let answers = Tally()
                let seat = flights.join(key) { _ in
                    answers.add()
                    told.add()
                }
                if seat.isLeader {
                    led.add()
                    flights.finish(seat.flight, 1)
                    stayed.add()
                    #expect(answers.value == 1)
                } else if random.oneIn(2), case .left = flights.leave(seat) {
                    #expect(answers.value == 0)
                } else {
                    stayed.add()
                }
            }
        }
        #expect(flights.count == 0)
        #expect(told.value == stayed.value)
        #expect(led.value > 0)
    }
}
