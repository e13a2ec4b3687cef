internal import Threading

/// Loads that are under way, by key: however many ask for a key, one of them loads it, and all are told the outcome (single flight).
///
/// It knows nothing of how a load is made or how one waits for it: who joins hands in a closure, which is called once, by whoever ends the
/// flight, on that one's thread and under no lock.
///
/// ```swift
/// let seat = flights.join(key) { outcome in … }
/// if seat.isLeader { start { flights.finish(seat.flight, $0) } }
/// ```
///
/// - Complexity: O(1) expected for each operation, and the closures. Flights of different keys seldom meet at a lock.
package final class Flights<Outcome: Sendable>: Sendable {
    package typealias Completion = @Sendable (Outcome) -> Void

    /// A load that is under way. Of one key there is one at a time; a later one is another.
    package struct Flight: Sendable, Hashable {
        package let key: [UInt8]
        fileprivate let number: UInt64
    }

    /// The place of one who waits.
    package struct Seat: Sendable {
        package let flight: Flight
        /// Whether the flight began with it: who has it is to load, and to call ``Flights/finish(_:_:)`` in the end.
        package let isLeader: Bool
        fileprivate let number: UInt64
    }

    /// What leaving a flight came to.
    package enum Leaving: Sendable {
        /// Others still wait; the completion is never called.
        case left
        /// Nobody waits any more: the flight is over, what it brings is for nobody, and the next to join begins another.
        case abandoned
        /// It was too late: the completion has been called, or is about to be.
        case ended
    }

    private struct Passengers {
        let number: UInt64
        var waiting: [UInt64: Completion] = [:]
        var onAbandonment: (@Sendable () -> Void)?
    }

    private struct Stripe {
        var flights: [[UInt8]: Passengers] = [:]
        var nextNumber: UInt64 = 0

        mutating func takeNumber() -> UInt64 {
            nextNumber += 1
            return nextNumber
        }
    }

    private final class Part: Sendable {
        let stripe = Locked(Stripe())
    }

    private let parts: [Part]
    private let hasher = KeyHasher()

    /// - Parameter stripes: How many parts the table has, each behind a lock of its own.
    package init(stripes: Int = 64) { parts = (0..<stripes).map { _ in Part() } }

    private func part(_ key: [UInt8]) -> Part {
        parts[Int(key.withUnsafeBytes { hasher.hash($0) } % UInt64(parts.count))]
    }

    /// How many loads are under way.
    package var count: Int { parts.reduce(0) { $0 + $1.stripe.withLock { $0.flights.count } } }

    /// Waits for the load of a key, and begins it if there is none.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - completion: Told the outcome, the leader's too.
    package func join(_ key: [UInt8], _ completion: @escaping Completion) -> Seat {
        part(key).stripe.withLock { stripe in
            let number = stripe.takeNumber()
            let flight = Flight(key: key, number: stripe.flights[key]?.number ?? number)
            stripe.flights[key, default: Passengers(number: number)].waiting[number] = completion
            return Seat(flight: flight, isLeader: flight.number == number, number: number)
        }
    }

    /// Begins the load of a key that nobody waits for yet, unless one is under way. It is not abandoned when those leave who join it.
    ///
    /// - Returns: nil if one is under way.
    package func begin(_ key: [UInt8]) -> Flight? {
        part(key).stripe.withLock { stripe in
            guard stripe.flights[key] == nil else { return nil }
            let number = stripe.takeNumber()
            var passengers = Passengers(number: number)
            // The one who stays: the number is no seat's.
            passengers.waiting[number] = { _ in }
            stripe.flights[key] = passengers
            return Flight(key: key, number: number)
        }
    }

    /// Ends a flight, and tells all who wait for it.
    ///
    /// What is to be found by those who come next has to be in its place before: they begin another flight.
    ///
    /// - Returns: False if it was over already, or abandoned: nobody was told.
    @discardableResult
    package func finish(_ flight: Flight, _ outcome: Outcome) -> Bool {
        let passengers = part(flight.key).stripe.withLock { stripe in
            stripe.flights[flight.key]?.number == flight.number ? stripe.flights.removeValue(forKey: flight.key) : nil
        }
        guard let passengers else { return false }
        for completion in passengers.waiting.values { completion(outcome) }
        return true
    }

    /// Waits no longer.
    @discardableResult
    package func leave(_ seat: Seat) -> Leaving {
        var onAbandonment: (@Sendable () -> Void)?
        let leaving = part(seat.flight.key).stripe.withLock { stripe -> Leaving in
            let key = seat.flight.key
            guard stripe.flights[key]?.number == seat.flight.number,
                stripe.flights[key]?.waiting.removeValue(forKey: seat.number) != nil
            else { return .ended }
            guard stripe.flights[key]?.waiting.isEmpty == true else { return .left }
            onAbandonment = stripe.flights.removeValue(forKey: key)?.onAbandonment
            return .abandoned
        }
        onAbandonment?()
        return leaving
    }

    /// Has `body` called if nobody waits for a flight any more before it ends: at once, if that is so already.
    package func onAbandonment(of flight: Flight, _ body: @escaping @Sendable () -> Void) {
        let isUnderWay = part(flight.key).stripe.withLock { stripe in
            guard stripe.flights[flight.key]?.number == flight.number else { return false }
            stripe.flights[flight.key]?.onAbandonment = body
            return true
        }
        if !isUnderWay { body() }
    }
}
