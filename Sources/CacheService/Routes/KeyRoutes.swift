internal import CacheCore
internal import MicroHTTP

/// `/keys/{key}`: one value.
extension CacheService {
    func getKey(_ text: BorrowedBytes, now: Int64) throws(Problem) -> Response {
        try RequestReading.withKey(text, limits: limits) { (key) throws(Problem) -> Response in
            guard let value = cache.lookup(key) else { return Self.missing(key) }
            return hit(value, now: now)
        }
    }

    private func hit(_ value: consuming CachedValue, now: Int64) -> Response {
        let left = value.timeLeft(at: now).map { Int($0 / 1_000_000_000) }
        let age = Int(value.age(at: now) / 1_000_000_000)
        let digest = value.digest
        let headers = HeaderFields(capacity: 256) { text in
            text.append("Content-Type: application/json\r\nETag: ")
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
        let (bytes, token) = value.lend()
        let body = LentBytes(bytes, token: token) { token in
            if let token { CachedValue.endLending(token) }
        }
        return Response(status: 200, headers: headers, body: .lent(body))
    }

    private static func missing(_ key: BorrowedBytes) -> Response {
        var response = notFound(key).response
        response.headers.add("Cache-Status", "production-cache; fwd=uri-miss")
        return response
    }

    private static func notFound(_ key: BorrowedBytes) -> Problem {
        Problem(.keyNotFound, "there is no live entry with the key \(shortened(key))")
    }

    /// Refuses a PUT whose line and headers are wrong already, before its body is read.
    func checkPut(_ head: RequestHead) throws(Problem) {
        let (_, key) = Route.match(head.path)
        try RequestReading.withKey(key, limits: limits) { (_) throws(Problem) in }
        _ = try RequestReading.lifetime(of: head)
    }

    func putKey(_ text: BorrowedBytes, _ request: Request) throws(Problem) -> Response {
        let lifetime = try RequestReading.lifetime(of: request.head) ?? cache.defaultTimeToLive
        return try RequestReading.withKey(text, limits: limits) { (key) throws(Problem) -> Response in
            let (outcome, digest) = try withDocument(request.body) { (document) throws(Problem) in
                do throws(CacheError) {
                    try limits.entries.validate(valueCount: document.minifiedCount(of: document.root))
                    return try cache.put(key, document, document.root, lifetime: lifetime)
                } catch {
                    throw Problem(error)
                }
            }
            let headers = HeaderFields(capacity: 32) { text in
                text.append("ETag: ")
                text.append(entityTag: digest)
                text.append("\r\n")
            }
            return Response(status: outcome == .created ? 201 : 204, headers: headers)
        }
    }

    func deleteKey(_ text: BorrowedBytes) throws(Problem) -> Response {
        try RequestReading.withKey(text, limits: limits) { (key) throws(Problem) -> Response in
            guard cache.delete(key) else { throw Self.notFound(key) }
            return Response(status: 204)
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

extension OutputSpan<UInt8> {
    /// Appends a strong entity tag: the digest in base64url (RFC 4648), eleven characters in quotes.
    mutating func append(entityTag digest: UInt64) {
        append(UInt8(ascii: "\""))
        // 64 bits are ten characters of six bits, and one of the last four with two zeros behind.
        for position in 0..<10 { append(Self.base64url(digest >> UInt64(58 - 6 * position) & 63)) }
        append(Self.base64url(digest << 2 & 63))
        append(UInt8(ascii: "\""))
    }

    private static func base64url(_ bits: UInt64) -> UInt8 {
        let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return alphabet.utf8Start[Int(bits)]
    }
}
