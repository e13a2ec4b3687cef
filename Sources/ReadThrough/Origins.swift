/// Where missing values come from: the routes to origins, and what is needed to ask them.
public struct Origins: Sendable {
    /// Asks an origin, and calls the closure once with what came of it, on any thread.
    public typealias Fetch =
        @Sendable (OriginRequest, @escaping @Sendable (Result<OriginAnswer, FetchFailure>) -> Void) -> Void
    /// Told of a load that failed because no answer could be had of an origin, and why, on any thread. Clients are not told that: it may name
    /// hosts that are nobody's business.
    public typealias FaultObserver = @Sendable (OriginRoute, FetchFailure) -> Void
    /// Calls the closure after a time.
    public typealias Later = @Sendable (Duration, @escaping @Sendable () -> Void) -> Void

    var routes: [OriginRoute]
    var fetch: Fetch
    var later: Later
    var faultObserver: FaultObserver
    var random: @Sendable () -> UInt64

    /// - Parameters:
    ///   - routes: The routes, of which no two have the same prefix.
    ///   - fetch: Asks an origin.
    ///   - later: What waits; a task that sleeps if it is not said.
    ///   - faultObserver: For a log.
    ///   - random: 64 random bits.
    public init(
        routes: [OriginRoute], fetch: @escaping Fetch, later: @escaping Later = Self.sleep,
        faultObserver: @escaping FaultObserver = { _, _ in },
        random: @escaping @Sendable () -> UInt64 = { .random(in: .min ... .max) }
    ) {
        self.routes = routes
        self.fetch = fetch
        self.later = later
        self.faultObserver = faultObserver
        self.random = random
    }

    /// Waits in a task of its own.
    public static let sleep: Later = { duration, body in
        Task.detached {
            // Nobody cancels it.
            do { try await Task.sleep(for: duration) } catch {}
            body()
        }
    }
}

/// What an origin is asked.
public struct OriginRequest: Sendable {
    public var url: String
    /// They may be secret.
    public var headers: [(name: String, value: String)]
    public var timeout: Duration
    /// The most bytes that the answer's body may have.
    public var maxBodyBytes: Int
}
