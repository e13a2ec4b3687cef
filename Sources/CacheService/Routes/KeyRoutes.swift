internal import CacheCore
internal import MicroHTTP
internal import ReadThrough

extension IncomingValue: BodyPlace {}

/// `/keys/{key}`: one value.
extension CacheService {
    func getKey(_ text: BorrowedBytes, _ head: RequestHead, now: Int64) throws(Problem) -> Response {
        try RequestReading.withKey(text, limits: limits) { (key) throws(Problem) -> Response in
            let condition = try RequestReading.condition(of: head)
            // Most have no query.
            if !head.query.isEmpty, head.method == .get, let duration = try RequestReading.lease(of: head) {
                return try leaseKey(key, head, for: duration, if: condition, now: now)
            }
            guard let value = cache.lookup(key) else { return Self.missing(key) }
            return respond(with: value, head, if: condition, now: now)
        }
    }

    /// The response that a value is, which a condition may be about.
    ///
    /// - Parameter isStale: Whether it is past its expiry: nobody between is to keep it then.
    func respond(
        with value: consuming CachedValue, _ head: RequestHead, if condition: WriteCondition?, now: Int64,
        isStale: Bool = false
    ) -> Response {
        switch condition?.failure(of: value.digest) {
        case nil: hit(value, now: now, isStale: isStale)
        case .match: Self.conditionFailed.response
        case .noneMatch: notModified(value, head, now: now, isStale: isStale)
        }
    }

    private static func headers(
        of value: borrowing CachedValue, now: Int64, hasContent: Bool, isStale: Bool
    ) -> HeaderFields {
        let left =
            isStale
            ? -Int(max(1, (value.overdue(at: now) + 999_999_999) / 1_000_000_000))
            : value.timeLeft(at: now).map { Int($0 / 1_000_000_000) }
        let age = Int(value.age(at: now) / 1_000_000_000)
        let digest = value.digest
        return HeaderFields(capacity: 256) { text in
            if hasContent { text.append("Content-Type: application/json\r\n") }
            text.append("ETag: ")
            text.append(entityTag: digest)
            if isStale {
                text.append("\r\nCache-Control: no-store")
            } else if let left {
                text.append("\r\nCache-Control: max-age=")
                text.append(decimal: left)
            }
            text.append("\r\nAge: ")
            text.append(decimal: age)
            text.append("\r\nCache-Status: production-cache; hit")
            if let left {
                text.append("; ttl=")
                text.append(decimal: left)
            }
            text.append("\r\n")
        }
    }

    private func hit(_ value: consuming CachedValue, now: Int64, isStale: Bool) -> Response {
        let headers = Self.headers(of: value, now: now, hasContent: true, isStale: isStale)
        return Response(status: 200, headers: headers, body: .lent(Self.lend(value)))
    }

    /// Says that the client has the value: the head alone is sent, with the tag of what the client has, and the length of that, if it
    /// is the value as it is.
    private func notModified(
        _ value: consuming CachedValue, _ head: RequestHead, now: Int64, isStale: Bool
    ) -> Response {
        var headers = Self.headers(of: value, now: now, hasContent: false, isStale: isStale)
        let coding = RequestReading.codingOfNoneMatch(value.digest, of: head)
        if value.count > Response.mostUncodedBytes { headers.add("Vary", "Accept-Encoding") }
        guard let coding else {
            return Response(status: 304, headers: headers, body: .lent(Self.lend(value)))
        }
        headers.update("ETag") { EntityTag.coded($0, in: coding) }
        let body = value.withUnsafeBytes { Response.codedBody($0, in: coding) }
        return Response(status: 304, headers: headers, body: body.map { .bytes($0) } ?? .unknown)
    }

    private static func lend(_ value: consuming CachedValue) -> LentBytes {
        let (bytes, token) = value.lend()
        return LentBytes(bytes, token: token) { token in
            if let token { CachedValue.endLending(token) }
        }
    }

    static func missing(_ key: BorrowedBytes) -> Response {
        let headers = HeaderFields(capacity: 128) { text in
            text.append("Content-Type: application/problem+json\r\nCache-Status: production-cache; fwd=uri-miss\r\n")
        }
        guard key.count <= mostShownBytes, JSONText.firstEscape(in: key) == nil else {
            var response = notFound(key).response
            response.headers = headers
            return response
        }
        // A cache misses often: what the problem of most keys is, written at once.
        let body = [UInt8](capacity: 256) { text in
            text.append("{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,")
            text.append("\"detail\":\"there is no live entry with the key ")
            text.append(key)
            text.append("\",\"code\":\"key_not_found\"}\n")
        }
        return Response(status: 404, headers: headers, body: .bytes(body))
    }

    /// Longer keys are cut short in messages.
    private static let mostShownBytes = 60

    static let conditionFailed = Problem(
        .preconditionFailed, "the entry is not as If-Match or If-None-Match asks; nothing was done")

    static func notFound(_ key: BorrowedBytes) -> Problem {
        Problem(.keyNotFound, "there is no live entry with the key \(shortened(key))")
    }

    /// Refuses a PUT whose line and headers are wrong already, before its body is read.
    func checkPut(_ head: RequestHead) throws(Problem) {
        let (_, key) = Route.match(head.path)
        try RequestReading.withKey(key, limits: limits) { (_) throws(Problem) in }
        try Self.checkIsWhole(head)
        _ = try retention(of: head, lifetime: try RequestReading.lifetime(of: head) ?? cache.defaultTimeToLive)
        _ = try RequestReading.heldLease(of: head)
        _ = try RequestReading.condition(of: head)
        _ = try CacheGroups.tags(of: head)
    }

    /// Refuses a part of a value, which would be stored as all of it (RFC 9110, section 14.5).
    private static func checkIsWhole(_ head: RequestHead) throws(Problem) {
        guard !head.marks.contains(.contentRange) else {
            throw Problem(
                .invalidHeader,
                "the request has a Content-Range; a PUT must be of the whole value, and PATCH changes a part")
        }
    }

    /// Memory of the cache's for the body of a PUT that is as large as the value will be; nil if it is to be collected elsewhere.
    func placeForPut(_ head: RequestHead) -> (any BodyPlace)? {
        guard case .length(let count) = head.framing, count <= limits.maxValueBytes,
            !head.marks.contains(.contentEncoding)
        else { return nil }
        let (_, key) = Route.match(head.path)
        var incoming: IncomingValue?
        do throws(Problem) {
            try RequestReading.withKey(key, limits: limits) { (key) throws(Problem) in
                incoming = cache.receive(key, count: count)
            }
        } catch {
            // It is refused when it is answered.
        }
        return incoming
    }

    func putKey(_ text: BorrowedBytes, _ request: Request) throws(Problem) -> Response {
        try Self.checkIsWhole(request.head)
        let lifetime = try RequestReading.lifetime(of: request.head) ?? cache.defaultTimeToLive
        let note = try retention(of: request.head, lifetime: lifetime)
        let lease = try RequestReading.heldLease(of: request.head)
        let condition = try RequestReading.condition(of: request.head)
        let tags = try CacheGroups.tags(of: request.head)
        return try RequestReading.withKey(text, limits: limits) { (key) throws(Problem) -> Response in
            let (outcome, digest) = try withDocument(request.body) { (document) throws(Problem) in
                do throws(CacheError) {
                    try limits.entries.validate(valueCount: document.minifiedCount(of: document.root))
                    return try cache.put(
                        key, document, document.root, lifetime: lifetime, tags: tags, note: note, if: condition,
                        filling: lease, from: request.place as? IncomingValue)
                } catch {
                    throw Problem(error)
                }
            }
            guard outcome != .conditionFailed else { throw Self.conditionFailed }
            guard outcome != .leaseLost else { throw Self.leaseLost }
            let headers = HeaderFields(capacity: 32) { text in
                text.append("ETag: ")
                text.append(entityTag: digest)
                text.append("\r\n")
            }
            return Response(status: outcome == .created ? 201 : 204, headers: headers)
        }
    }

    func deleteKey(_ text: BorrowedBytes, _ head: RequestHead) throws(Problem) -> Response {
        let condition = try RequestReading.condition(of: head)
        return try RequestReading.withKey(text, limits: limits) { (key) throws(Problem) -> Response in
            switch cache.delete(key, if: condition) {
            case .removed: return Response(status: 204)
            case .absent: throw Self.notFound(key)
            case .conditionFailed: throw Self.conditionFailed
            }
        }
    }

    /// Calls `body` with the parsed body of a request.
    func withDocument<Result: ~Copyable>(
        _ text: BorrowedBytes, _ body: (borrowing JSONDocument) throws(Problem) -> Result
    ) throws(Problem) -> Result {
        guard !text.isEmpty else {
            throw Problem(.invalidJSON, "the body is empty; it must be a JSON text")
        }
        return try JSONDocumentPool.withDocument { (document) throws(Problem) in
            do throws(JSONSyntaxError) {
                // The server leaves as much behind a body as the parser reads beyond it.
                try document.parse(text)
            } catch {
                throw Problem(.invalidJSON, "the body is not JSON: \(error)")
            }
            return try body(document)
        }
    }
}
