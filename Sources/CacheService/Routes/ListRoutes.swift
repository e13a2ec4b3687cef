internal import CacheCore
internal import MicroHTTP
internal import ReadThrough

/// `/keys`: listing and clearing.
extension CacheService {
    func listKeys(_ head: RequestHead) throws(Problem) -> Response {
        let limit = try RequestReading.pageLimit(of: head)
        let cursor = try RequestReading.cursor(of: head)
        let prefix = try keyPrefix(of: head)
        let now = cache.now
        var body: [UInt8] = []
        body.append("{\"keys\":[")
        var isFirst = true
        let next = try scan(prefix, limit: limit, after: cursor) { key, valueCount, expiresAt in
            if !isFirst { body.append(",") }
            isFirst = false
            body.append("{\"key\":")
            body.appendJSONString(key)
            body.append(",\"ttl\":")
            if let expiresAt { body.append(seconds: max(0, expiresAt - now)) } else { body.append("null") }
            body.append(",\"size\":")
            body.append(decimal: valueCount)
            body.append("}")
        }
        body.append("],\"cursor\":")
        if let next { body.appendJSONString(next.description) } else { body.append("null") }
        body.append("}\n")
        return .json(body)
    }

    func clearKeys(_ head: RequestHead) throws(Problem) -> Response {
        // A prefix by another name must not remove all there is.
        try RequestReading.checkParameters(of: head, known: ["prefix"])
        let prefix = try keyPrefix(of: head)
        return .json(["deleted": prefix.withUnsafeBytes { cache.deleteAll(prefix: $0) }])
    }

    /// What the keys begin with that a request is about: those of its `prefix`, as far as they are for its token.
    func keyPrefix(of head: RequestHead) throws(Problem) -> [UInt8] {
        let asked = try RequestReading.parameter("prefix", of: head) ?? []
        let own = limits.keyPrefix
        if asked.starts(with: own) { return asked }
        guard own.starts(with: asked) else {
            throw Problem(
                .forbidden,
                "the keys that begin with \(asked.withUnsafeBytes { shortened($0) }) are not for this token; its keys begin with "
                    + own.withUnsafeBytes { shortened($0) })
        }
        return own
    }

    private func scan(
        _ prefix: [UInt8], limit: Int, after cursor: ListingCursor?, _ visit: (BorrowedBytes, Int, Int64?) -> Void
    ) throws(Problem) -> ListingCursor? {
        let next: Result<ListingCursor?, CacheError> = prefix.withUnsafeBytes { prefix in
            do throws(CacheError) {
                return .success(try cache.scan(prefix: prefix, limit: limit, after: cursor, visit))
            } catch {
                return .failure(error)
            }
        }
        do throws(CacheError) { return try next.get() } catch { throw Problem(error) }
    }
}
