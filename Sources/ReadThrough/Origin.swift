internal import Threading

/// An origin as it is at the time: how many loads of it there are, and whether it is worth asking.
final class Origin: Sendable {
    let route: OriginRoute
    private let state: Locked<State>

    private struct State {
        var breaker: CircuitBreaker
        var limit: FetchLimit<@Sendable () -> Void>
        /// Those whose turn has come and has not begun.
        var turns: [@Sendable () -> Void] = []
        /// Whether a thread is beginning them.
        var isBeginning = false
    }

    init(_ route: OriginRoute) {
        self.route = route
        state = Locked(
            State(
                breaker: CircuitBreaker(),
                limit: FetchLimit(most: route.mostFetches, mostWaiting: route.mostWaiting)))
    }

    // MARK: Turns

    /// Asks for a turn. Who waits is called when it comes.
    func enter(_ turn: @escaping @Sendable () -> Void) -> FetchLimit<@Sendable () -> Void>.Entry {
        state.withLock { $0.limit.enter(turn) }
    }

    /// Ends a turn, and begins the next one's.
    ///
    /// A turn that ends at once would begin the next within itself, and so on: one thread at a time begins them, one after the other.
    func leave() {
        let isBusy = state.withLock { state in
            if let next = state.limit.leave() { state.turns.append(next) }
            defer { state.isBeginning = true }
            return state.isBeginning
        }
        guard !isBusy else { return }
        while let turn = nextTurn() { turn() }
    }

    private func nextTurn() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard !state.turns.isEmpty else {
                state.isBeginning = false
                return nil
            }
            return state.turns.removeFirst()
        }
    }

    /// Waits no longer for a turn; false if it has come already.
    func giveUp(_ number: UInt64) -> Bool { state.withLock { $0.limit.giveUp(number) } != nil }

    // MARK: Attempts

    /// Leave to make an attempt, or the nanoseconds until it is worth asking again.
    func permit(now: Int64) -> (permit: CircuitBreaker.Permit?, wait: Int64) {
        state.withLock { ($0.breaker.permit(now: now), $0.breaker.wait(now: now)) }
    }

    func record(_ permit: CircuitBreaker.Permit, succeeded: Bool, now: Int64) {
        state.withLock { $0.breaker.record(permit, succeeded: succeeded, now: now) }
    }

    func abandon(_ permit: CircuitBreaker.Permit) { state.withLock { $0.breaker.abandon(permit) } }

    /// What is told of it.
    func figures(now: Int64) -> (running: Int, waiting: Int, breaker: CircuitBreaker.State) {
        state.withLock { ($0.limit.running, $0.limit.waiting, $0.breaker.state(now: now)) }
    }
}
