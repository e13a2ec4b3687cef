internal import MicroHTTP
internal import Threading

/// How many requests a client may make: a token bucket for each, which is filled at a constant rate up to a bound, and from which
/// a request takes one.
///
/// A client is known by its token, or else by its address (of IPv6, by its /64). What comes over a socket in the file system is
/// one client.
///
/// - Complexity: O(1) expected a request. Memory is bounded: buckets that are full again are forgotten, and when there are more
///   clients than there is room for, others too.
public final class RateLimiter: Sendable {
    /// Requests a second.
    public let rate: Int
    /// Requests at once.
    public let burst: Int

    /// Clients are shared out, so that they seldom wait for each other.
    private let parts: [Part]

    private final class Part: Sendable {
        let buckets = Locked<[Client: Bucket]>([:])
    }

    /// Who asks.
    enum Client: Hashable, Sendable {
        /// By the first bytes of the token's digest.
        case token(UInt64)
        case address(ClientAddress)
        case local
    }

    private struct Bucket {
        var tokens: Double
        var time: Int64
    }

    /// What became of a request.
    struct Outcome {
        var isAllowed: Bool
        /// How many more requests may be made at once.
        var remaining: Int
        /// Nanoseconds until the next may be made.
        var wait: Int64
    }

    private static let partCount = 16
    static let mostClientsOfPart = 4096

    /// - Parameters:
    ///   - rate: Requests a second; at least 1.
    ///   - burst: Requests at once; at least 1.
    public init(rate: Int, burst: Int) {
        self.rate = rate
        self.burst = burst
        parts = (0..<Self.partCount).map { _ in Part() }
    }

    /// Takes one from the client's bucket, if there is one.
    ///
    /// - Parameters:
    ///   - now: The time, in nanoseconds.
    ///   - takes: Whether it is taken; or only looked whether there is one.
    func take(_ client: Client, now: Int64, takes: Bool = true) -> Outcome {
        let part = Int(UInt(bitPattern: client.hashValue) % UInt(Self.partCount))
        return parts[part].buckets.withLock { buckets in
            var bucket = buckets[client] ?? Bucket(tokens: Double(burst), time: now)
            bucket.tokens = min(Double(burst), filled(bucket, now: now))
            bucket.time = max(bucket.time, now)
            let isAllowed = bucket.tokens >= 1
            if isAllowed, takes { bucket.tokens -= 1 }
            if buckets.count >= Self.mostClientsOfPart, buckets[client] == nil { makeRoom(in: &buckets, now: now) }
            buckets[client] = bucket
            let lacking = max(0, 1 - bucket.tokens)
            return Outcome(
                isAllowed: isAllowed, remaining: Int(bucket.tokens),
                wait: Int64((lacking / Double(rate) * 1e9).rounded(.up)))
        }
    }

    /// How many clients have buckets.
    var clientCount: Int { parts.reduce(0) { $0 + $1.buckets.withLock { $0.count } } }

    private func filled(_ bucket: Bucket, now: Int64) -> Double {
        bucket.tokens + Double(max(0, now - bucket.time)) / 1e9 * Double(rate)
    }

    private func makeRoom(in buckets: inout [Client: Bucket], now: Int64) {
        buckets = buckets.filter { filled($0.value, now: now) < Double(burst) }
        // All are in use: who comes first begins anew, which is better than to keep everybody out.
        if buckets.count >= Self.mostClientsOfPart { buckets.removeAll(keepingCapacity: true) }
    }

    // MARK: Requests

    /// Lets a request pass, or not.
    ///
    /// - Returns: What its response is to tell of the limit.
    /// - Throws: ``Problem`` with `rateLimited`.
    func check(_ client: Client, now: Int64, takes: Bool) throws(Problem) -> HeaderFields {
        let outcome = take(client, now: now, takes: takes)
        guard outcome.isAllowed else {
            let seconds = Int((outcome.wait + 999_999_999) / 1_000_000_000)
            var problem = Problem(
                .rateLimited, "there were more than \(rate) requests a second, and \(burst) at once, from this client")
            problem.retryAfter = max(1, seconds)
            problem.rateLimit = fields(outcome)
            throw problem
        }
        return fields(outcome)
    }

    /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
    private func fields(_ outcome: Outcome) -> HeaderFields {
        var fields = HeaderFields()
        let seconds = (burst + rate - 1) / rate
        fields.add("RateLimit-Policy", "\"client\";q=\(burst);w=\(max(1, seconds))")
        fields.add("RateLimit", "\"client\";r=\(outcome.remaining)")
        return fields
    }
}
