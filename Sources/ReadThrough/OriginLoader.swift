public import CacheCore
internal import Synchronization
internal import Threading

/// Reads through the cache: what is missing comes from the key's origin, once however many wait for it, and is kept.
///
/// A miss goes one way: ``read(_:)`` says that the key has to be loaded; ``load(_:deadline:traceparent:_:)`` joins the flight of the key, or
/// begins it; the ``Load`` waits for its turn, asks, and puts what came under a lease, which any write or delete of the key
/// meanwhile takes away; all who wait are told the ``LoadOutcome``. None of it blocks a thread.
public final class OriginLoader: Sendable {
    let cache: ProductionCache
    let fetch: Origins.Fetch
    let later: Origins.Later
    let faultObserver: Origins.FaultObserver
    let random: @Sendable () -> UInt64
    let maxValueBytes: Int
    let flights = Flights<LoadOutcome>()
    package let figures = LoadFigures()
    private let observer = Locked<(@Sendable (Int64) -> Void)?>(nil)

    private let table: OriginTable
    private let origins: [Origin]
    private let tickets = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - origins: Where values come from.
    ///   - cache: Where they are kept.
    ///   - maxValueBytes: The largest value that is taken.
    /// - Throws: ``CacheError`` if there is no memory for it.
    public init(_ origins: Origins, cache: ProductionCache, maxValueBytes: Int) throws(CacheError) {
        self.cache = cache
        self.maxValueBytes = maxValueBytes
        fetch = origins.fetch
        later = origins.later
        faultObserver = origins.faultObserver
        random = origins.random
        try cache.beginNotingAbsences()
        table = OriginTable(origins.routes)
        self.origins = (0..<table.count).map { [table] in Origin(table[$0]) }
    }

    /// Has `observer` told how many nanoseconds each load took that an origin was asked for.
    package func observeLoads(_ observer: @escaping @Sendable (Int64) -> Void) {
        self.observer.withLock { $0 = observer }
    }

    func noteLoad(nanoseconds: Int64) { observer.withLock { $0 }?(nanoseconds) }

    /// What a read found.
    package enum Reading: ~Copyable {
        case fresh(CachedValue)
        /// Past its expiry, to be served while it is loaded anew.
        case stale(CachedValue)
        /// The origin has nothing under the key; nanoseconds for which that is known.
        case absent(timeLeft: Int64)
        /// It has to be loaded. Whether a value is kept past its expiry.
        case missing(isStale: Bool)
        /// No value, and no origin to have it from.
        case noOrigin
    }

    /// Looks at a key. Counts a hit or a miss, unless told otherwise. What is to be loaded ahead of its expiry, or behind it, is begun to be.
    ///
    /// - Complexity: A hit costs what ``ProductionCache/lookup(_:)`` does, and a look at what is known of its load, if there is something.
    package func read(_ key: UnsafeRawBufferPointer, counts: Bool = true) -> Reading {
        switch counts ? cache.lookupForLoading(key) : cache.peekForLoading(key) {
        case .fresh(let value, let note):
            if let note, note.loadDuration > 0, let left = value.timeLeft(at: cache.now) {
                refreshEarly(key, timeLeft: left, note)
            }
            return .fresh(value)
        case .stale(let value, let note):
            guard let origin = origin(of: key) else { return .noOrigin }
            guard value.overdue(at: cache.now) < note.staleWhileRevalidate else { return .missing(isStale: true) }
            refresh(key, origin)
            figures.count(.staleServed)
            return .stale(value)
        case .absent:
            guard origin(of: key) != nil else { return .noOrigin }
            if let left = cache.absenceTimeLeft(of: key) {
                figures.count(.negativeHits)
                return .absent(timeLeft: left)
            }
            return .missing(isStale: false)
        }
    }

    /// Waits for the load of a key that has an origin.
    ///
    /// - Parameters:
    ///   - deadline: When to give up, by the cache's clock; nil for what the route says. Who joins another's load waits for that.
    ///   - traceparent: What the first request says of the trace that it is part of (W3C Trace Context).
    ///   - waiter: Told the outcome, and whether it was another's load, on any thread.
    package func load(
        _ key: UnsafeRawBufferPointer, deadline: Int64? = nil, traceparent: String? = nil,
        _ waiter: @escaping @Sendable (LoadOutcome, _ isCollapsed: Bool) -> Void
    ) {
        guard let origin = origin(of: key) else {
            return waiter(LoadOutcome(result: .absent), false)
        }
        let ticket = tickets.wrappingAdd(1, ordering: .relaxed).newValue
        let seat = flights.join(Array(key)) { [figures] outcome in
            if case .stale = outcome.result { figures.count(.staleServed) }
            waiter(outcome, outcome.leader != ticket)
        }
        guard seat.isLeader else { return figures.count(.collapsed) }
        Load(self, origin, seat.flight, ticket: ticket, deadline: deadline, traceparent: traceparent).begin()
    }

    /// How many loads of a route there may be at a time, for who begins many.
    package func mostFetches(for key: UnsafeRawBufferPointer) -> Int { origin(of: key)?.route.mostFetches ?? 1 }

    /// When a load of a key is to be over that was asked for at `start`, by the cache's clock.
    package func deadline(for key: UnsafeRawBufferPointer, since start: Int64) -> Int64 {
        start + (origin(of: key)?.route.timeout.nanoseconds ?? 0)
    }

    /// The origins as they are now, all together: the state of the breaker that is furthest from closed.
    package var state: (inFlight: Int, waiting: Int, breaker: String) {
        let now = cache.now
        let figures = origins.map { $0.figures(now: now) }
        let breaker = [CircuitBreaker.State.open, .halfOpen].first { state in
            figures.contains { $0.breaker == state }
        }
        return (
            figures.reduce(0) { $0 + $1.running }, figures.reduce(0) { $0 + $1.waiting },
            (breaker ?? .closed).rawValue
        )
    }

    private func origin(of key: UnsafeRawBufferPointer) -> Origin? {
        guard let place = table.place(for: key), origins[place].route.url(key: key) != nil else { return nil }
        return origins[place]
    }

    private func refreshEarly(_ key: UnsafeRawBufferPointer, timeLeft: Int64, _ note: LoadNote) {
        guard let place = table.place(for: key) else { return }
        let beta = origins[place].route.beta
        if EarlyRefresh.isDue(timeLeft: timeLeft, loadDuration: note.loadDuration, beta: beta, random: random) {
            refresh(key, origins[place])
        }
    }

    /// Loads a value anew that nobody waits for, unless that is being done.
    private func refresh(_ key: UnsafeRawBufferPointer, _ origin: Origin) {
        guard let flight = flights.begin(Array(key)) else { return }
        Load(self, origin, flight, ticket: 0, deadline: nil, traceparent: nil).begin()
    }
}
