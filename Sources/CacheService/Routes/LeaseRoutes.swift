internal import CacheCore
internal import MicroHTTP

/// Loading by clients: `GET /keys/{key}?lease=` gives one of them the right to fill a key that is missing, and `PUT` with it fills the key.
extension CacheService {
    /// Answers a client that would load the value if it is missing.
    func leaseKey(
        _ key: BorrowedBytes, _ head: RequestHead, for duration: Int64, if condition: WriteCondition?, now: Int64
    ) throws(Problem) -> Response {
        let outcome: LeaseOutcome
        do throws(CacheError) {
            outcome = try cache.takeLease(key, for: duration)
        } catch {
            throw Problem(error)
        }
        switch consume outcome {
        case .hit(let value): return respond(with: value, head, if: condition, now: now)
        case .miss(let miss):
            let answer = miss.answer
            var response: Response
            switch miss.takeStale() {
            case nil:
                response = Self.missing(key)
                // What follows is for this client alone.
                response.headers.add("Cache-Control", "no-store")
            case .some(let stale): response = respond(with: stale, head, if: condition, now: now, isStale: true)
            }
            switch answer {
            case .granted(let token): response.headers.add("Lease", token.description)
            case .taken(let left):
                response.headers.add("Retry-After", "\(max(1, (left + 999_999_999) / 1_000_000_000))")
            }
            return response
        }
    }

    static let leaseLost = Problem(
        .leaseLost,
        "the lease is over, or the key was changed since it was granted, or the lease is of another key; nothing was stored"
    )

    /// How long the value is to be kept past its expiry, by `stale-while-revalidate` and `stale-if-error` of a request's `Cache-Control`
    /// (RFC 5861); nil if it is not to be.
    func retention(of head: RequestHead, lifetime: Int64?) throws(Problem) -> LoadNote? {
        // Most have no such field.
        guard head.header("Cache-Control") != nil else { return nil }
        let note = LoadNote(
            staleWhileRevalidate: try RequestReading.staleness("stale-while-revalidate", of: head) ?? 0,
            staleIfError: try RequestReading.staleness("stale-if-error", of: head) ?? 0)
        guard note.retention > 0 else { return nil }
        guard lifetime != nil else {
            throw Problem(
                .invalidTTL,
                "Cache-Control says how long the value is kept past its expiry, but it has none; it must have a time to live, by ttl or max-age"
            )
        }
        return note
    }
}

extension RequestReading {
    /// For how many nanoseconds a request asks for a lease, by `?lease=`; nil if it does not.
    static func lease(of head: RequestHead) throws(Problem) -> Int64? {
        guard let text = try parameter("lease", of: head) else { return nil }
        let number = text.prefix { isDigit($0) || $0 == UInt8(ascii: ".") }
        let unit = units.first { text.dropFirst(number.count).elementsEqual($0.name.utf8) }
        let most = Lease.mostDuration.nanoseconds
        guard let unit, let seconds = number.withUnsafeBytes({ lifetime(decimal: $0) }) else {
            throw wrongLease(text)
        }
        let (duration, overflow) = seconds.multipliedReportingOverflow(by: unit.multiple)
        guard !overflow, duration / unit.divisor <= most else { throw wrongLease(text) }
        return max(1, duration / unit.divisor)
    }

    private static func wrongLease(_ text: [UInt8]) -> Problem {
        Problem(
            .invalidQuery,
            "lease is \(quoted(text)); it must be a duration such as 5s, 500ms or 5 (seconds), more than 0 and at most "
                + "\(Lease.mostDuration.components.seconds)s")
    }

    /// What a duration may end with, and what that makes of seconds.
    private static let units: [(name: String, multiple: Int64, divisor: Int64)] = [
        ("", 1, 1), ("s", 1, 1), ("ms", 1, 1000), ("m", 60, 1),
    ]

    /// The lease that a request fills, by its `Lease`; nil if it has none.
    static func heldLease(of head: RequestHead) throws(Problem) -> Lease? {
        guard head.marks.contains(.lease) else { return nil }
        var token: LeaseToken?
        var count = 0
        head.forEachHeader("lease") { field in
            count += 1
            token = LeaseToken(trimmed(field))
        }
        guard count > 0 else { return nil }
        guard count == 1, let token else {
            throw Problem(
                .invalidHeader,
                "Lease is malformed; it must be one token, the 32 hexadecimal digits that a GET with lease was answered"
            )
        }
        return Lease(token: token)
    }

    /// How many nanoseconds past its expiry a directive of `Cache-Control` allows; nil if there is none.
    static func staleness(_ directive: StaticString, of head: RequestHead) throws(Problem) -> Int64? {
        guard let text = CacheControl.argument(of: directive, in: head) else { return nil }
        if text.allSatisfy({ $0 == UInt8(ascii: "0") }), !text.isEmpty { return 0 }
        guard text.allSatisfy(isDigit), let duration = text.withUnsafeBytes({ lifetime(decimal: $0) }) else {
            throw Problem(
                .invalidTTL,
                "\(directive) of Cache-Control is \(quoted(text)); it must be a whole number of seconds, at most "
                    + "\(CacheConfiguration.maximumTTL.components.seconds)")
        }
        return duration
    }
}
