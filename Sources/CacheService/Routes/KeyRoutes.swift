internal import CacheCore
internal import MicroHTTP

/// `/keys/{key}`: one value.
extension CacheService {
    func getKey(_ text: BorrowedBytes, _ head: RequestHead, now: Int64) throws(Problem) -> Response {
        try RequestReading.withKey(text, limits: limits) { (key) throws(Problem) -> Response in
            let condition = try RequestReading.condition(of: head)
            guard let value = cache.lookup(key) else { return Self.missing(key) }
            switch condition?.failure(of: value.digest) {
            case nil: return hit(value, now: now)
            case .match: throw Self.conditionFailed
            case .noneMatch: return hit(value, now: now, isModified: false)
            }
        }
    }

    private static func headers(of value: borrowing CachedValue, now: Int64, hasContent: Bool) -> HeaderFields {
        let left = value.timeLeft(at: now).map { Int($0 / 1_000_000_000) }
        let age = Int(value.age(at: now) / 1_000_000_000)
        let digest = value.digest
        return HeaderFields(capacity: 256) { text in
            if hasContent { text.append("Content-Type: application/json\r\n") }
            text.append("ETag: ")
            text.append(entityTag: digest)
            if let left {
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

    /// - Parameter isModified: Whether the client lacks the value. If not, the head alone is sent, with the length that the value has.
    private func hit(_ value: consuming CachedValue, now: Int64, isModified: Bool = true) -> Response {
        let headers = Self.headers(of: value, now: now, hasContent: isModified)
        let (bytes, token) = value.lend()
        let body = LentBytes(bytes, token: token) { token in
            if let token { CachedValue.endLending(token) }
        }
        return Response(status: isModified ? 200 : 304, headers: headers, body: .lent(body))
    }

    private static func missing(_ key: BorrowedBytes) -> Response {
        var response = notFound(key).response
        response.headers.add("Cache-Status", "production-cache; fwd=uri-miss")
        return response
    }

    static let conditionFailed = Problem(
        .preconditionFailed, "the entry is not as If-Match or If-None-Match asks; nothing was done")

    static func notFound(_ key: BorrowedBytes) -> Problem {
        Problem(.keyNotFound, "there is no live entry with the key \(shortened(key))")
    }

    /// Refuses a PUT whose line and headers are wrong already, before its body is read.
    func checkPut(_ head: RequestHead) throws(Problem) {
        let (_, key) = Route.match(head.path)
        try RequestReading.withKey(key, limits: limits) { (_) throws(Problem) in }
        _ = try RequestReading.lifetime(of: head)
        _ = try RequestReading.condition(of: head)
        _ = try CacheGroups.tags(of: head)
    }

    func putKey(_ text: BorrowedBytes, _ request: Request) throws(Problem) -> Response {
        let lifetime = try RequestReading.lifetime(of: request.head) ?? cache.defaultTimeToLive
        let condition = try RequestReading.condition(of: request.head)
        let tags = try CacheGroups.tags(of: request.head)
        return try RequestReading.withKey(text, limits: limits) { (key) throws(Problem) -> Response in
            let (outcome, digest) = try withDocument(request.body) { (document) throws(Problem) in
                do throws(CacheError) {
                    try limits.entries.validate(valueCount: document.minifiedCount(of: document.root))
                    return try cache.put(key, document, document.root, lifetime: lifetime, tags: tags, if: condition)
                } catch {
                    throw Problem(error)
                }
            }
            guard outcome != .conditionFailed else { throw Self.conditionFailed }
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
