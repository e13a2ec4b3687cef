internal import CacheCore
internal import Compression
internal import MicroHTTP
internal import ReadThrough

/// `GET /keys/{key}` of keys that have an origin: what is missing is loaded, and the response waits for it.
extension CacheService {
    func getKey(
        _ text: BorrowedBytes, _ head: RequestHead, through loader: OriginLoader, now: Int64
    ) throws(Problem) -> Reply {
        // Who takes a lease loads the value itself.
        if !head.query.isEmpty, head.method == .get, head.parameter("lease") != nil {
            return .now(try getKey(text, head, now: now))
        }
        return try RequestReading.withKey(text, limits: limits) { (key) throws(Problem) -> Reply in
            let condition = try RequestReading.condition(of: head)
            switch loader.read(key) {
            case .fresh(let value): return .now(respond(with: value, head, if: condition, now: now))
            case .stale(let value): return .now(respond(with: value, head, if: condition, now: now, isStale: true))
            case .absent(let left):
                return .now(Self.absent(key, "hit; ttl=\(left / 1_000_000_000)"))
            case .noOrigin: return .now(Self.missing(key))
            case .missing(let isStale):
                let pending = PendingResponse()
                let waiting = WaitingRead(
                    key: Array(key), condition: condition,
                    codings: condition == nil ? [:] : RequestReading.codingsOfNoneMatch(head), isStale: isStale)
                loader.load(key, traceparent: RequestReading.traceparent(of: head)) { [cache] outcome, isCollapsed in
                    pending.fulfill(waiting.response(to: outcome, isCollapsed: isCollapsed, now: cache.now))
                }
                return .later(pending)
            }
        }
    }

    /// Says that the origin has nothing under a key.
    static func absent(_ key: BorrowedBytes, _ status: String) -> Response {
        var response = Problem(.keyNotFound, "the origin has nothing under the key \(shortened(key))").response
        response.headers.add("Cache-Status", "production-cache; \(status)")
        return response
    }
}

/// What the response to a read that waits for a load needs to know of it.
private struct WaitingRead: Sendable {
    let key: [UInt8]
    let condition: WriteCondition?
    /// The codings that the client has values in, by their digests.
    let codings: [UInt64: CompressionFormat]
    /// Whether a value was there, past its expiry.
    let isStale: Bool

    func response(to outcome: LoadOutcome, isCollapsed: Bool, now: Int64) -> Response {
        let status = cacheStatus(outcome, isCollapsed: isCollapsed)
        switch outcome.result {
        case .value(let value): return response(value, status, now: now, isStale: false)
        case .absent: return key.span.bytes.withUnsafeBytes { CacheService.absent($0, status) }
        case .stale(let value, let failure):
            let overdue = max(1, (-(value.timeLeft(at: now) ?? 0) + 999_999_999) / 1_000_000_000)
            // Where the origin was not asked, the cache has answered by itself.
            let forwarded = failure.code == .unavailable && outcome.status == nil ? "hit" : status
            return response(
                value, "\(forwarded); ttl=-\(overdue); detail=\(failure.code.rawValue)", now: now, isStale: true)
        case .failure(let failure):
            var response = Problem(failure).response
            response.headers.add("Cache-Status", "production-cache; \(status)")
            return response
        }
    }

    /// RFC 9211.
    private func cacheStatus(_ outcome: LoadOutcome, isCollapsed: Bool) -> String {
        var text = isStale ? "fwd=stale" : "fwd=uri-miss"
        if let status = outcome.status { text += "; fwd-status=\(status)" }
        if outcome.isStored { text += "; stored" }
        if isCollapsed { text += "; collapsed" }
        return text
    }

    private func response(_ value: LoadedValue, _ status: String, now: Int64, isStale: Bool) -> Response {
        var headers = HeaderFields()
        let failure = condition?.failure(of: value.digest)
        if failure == .match { return CacheService.conditionFailed.response }
        let coding = failure == .noneMatch ? codings[value.digest] : nil
        if failure == nil { headers.add("Content-Type", "application/json") }
        let tag = String(
            decoding: [UInt8](capacity: 16) { $0.append(entityTag: value.digest) }, as: UTF8.self)
        headers.add("ETag", coding.map { EntityTag.coded(tag, in: $0) } ?? tag)
        if isStale {
            headers.add("Cache-Control", "no-store")
        } else if let left = value.timeLeft(at: now) {
            headers.add("Cache-Control", "max-age=\(max(0, left / 1_000_000_000))")
        }
        headers.add("Age", "\(value.age(at: now) / 1_000_000_000)")
        headers.add("Cache-Status", "production-cache; \(status)")
        guard failure == .noneMatch else { return Response(status: 200, headers: headers, body: .lent(value.lent)) }
        if value.bytes.count > Response.mostUncodedBytes { headers.add("Vary", "Accept-Encoding") }
        guard let coding else { return Response(status: 304, headers: headers, body: .lent(value.lent)) }
        let body = Response.codedBody(value.bytes, in: coding)
        return Response(status: 304, headers: headers, body: body.map { .bytes($0) } ?? .unknown)
    }
}

extension LoadedValue {
    /// Its bytes, and a reference that is given back with them.
    fileprivate var lent: LentBytes {
        LentBytes(bytes, token: Unmanaged.passRetained(self).toOpaque()) { token in
            if let token { Unmanaged<LoadedValue>.fromOpaque(token).release() }
        }
    }
}

extension Problem {
    init(_ failure: LoadFailure) {
        // The loader's codes are the service's slugs.
        self.init(ProblemCode(rawValue: failure.code.rawValue) ?? .internalError, failure.detail)
        retryAfter = failure.retryAfter
    }
}

extension RequestReading {
    /// `traceparent` (W3C Trace Context) as it is to be sent on; nil if there is none of its form.
    static func traceparent(of head: RequestHead) -> String? {
        guard let text = head.header("traceparent"), (55...128).contains(text.count),
            text.allSatisfy({
                isDigit($0) || $0 == UInt8(ascii: "-") || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z"))
            })
        else { return nil }
        return String(decoding: text, as: UTF8.self)
    }
}
