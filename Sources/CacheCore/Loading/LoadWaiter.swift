internal import Threading

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What a load brought: the value for those who want one of its type, and its JSON, for the others and for the cache.
struct LoadResult: Sendable {
    /// nil if it came as JSON.
    let value: (any Sendable)?
    let json: Data
}

/// A task that waits for a load, and may be cancelled meanwhile: what comes first counts.
final class LoadWaiter: Sendable {
    typealias LoadFlights = Flights<Result<LoadResult, any Error>>

    private struct State {
        var continuation: CheckedContinuation<LoadResult, any Error>?
        var seat: LoadFlights.Seat?
        var isCancelled = false
    }

    private let flights: LoadFlights
    private let state = Locked(State())

    init(_ flights: LoadFlights) { self.flights = flights }

    /// Joins the flight of a key, for a task that waits in `continuation` from now on.
    ///
    /// - Returns: The flight, if it begins with this; nil also for a task that was cancelled.
    func join(
        _ key: [UInt8], _ continuation: CheckedContinuation<LoadResult, any Error>
    ) -> (seat: LoadFlights.Seat?, isLeader: Bool) {
        let isCancelled = state.withLock { state in
            if !state.isCancelled { state.continuation = continuation }
            return state.isCancelled
        }
        guard !isCancelled else {
            continuation.resume(throwing: CancellationError())
            return (nil, false)
        }
        let seat = flights.join(key) { self.takeContinuation()?.resume(with: $0) }
        let isTooLate = state.withLock { state in
            state.seat = seat
            return state.isCancelled
        }
        // Others may have come, for whom it is to be loaded.
        if isTooLate, case .abandoned = flights.leave(seat) { return (nil, false) }
        return (seat, seat.isLeader)
    }

    /// Ends the waiting at once; the load goes on for the others.
    func cancel() {
        let (continuation, seat) = state.withLock { state in
            state.isCancelled = true
            defer { state.continuation = nil }
            return (state.continuation, state.seat)
        }
        continuation?.resume(throwing: CancellationError())
        if let seat { flights.leave(seat) }
    }

    private func takeContinuation() -> CheckedContinuation<LoadResult, any Error>? {
        state.withLock { state in
            defer { state.continuation = nil }
            return state.continuation
        }
    }
}
