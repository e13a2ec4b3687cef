internal import CacheCore
internal import MicroHTTP
internal import ReadThrough

/// Writes that go by what is there: `PATCH /keys/{key}`, `/incr`, `/touch`.
extension CacheService {
    func patchKey(_ text: BorrowedBytes, _ request: Request) throws(Problem) -> Response {
        let condition = try RequestReading.condition(of: request.head)
        let lifetime = try RequestReading.timeToLive(of: request.head)
        return try RequestReading.withKey(text, limits: limits) { (key) throws(Problem) -> Response in
            let outcome = try withDocument(request.body) { (patch) throws(Problem) in
                do throws(CacheError) {
                    return try cache.merge(key, patch, lifetime: lifetime, if: condition, limits: limits.entries)
                } catch {
                    throw Problem(error)
                }
            }
            switch outcome {
            case .absent: throw Self.notFound(key)
            case .conditionFailed: throw Self.conditionFailed
            case .done(let json, let digest):
                let headers = HeaderFields(capacity: 64) { text in
                    text.append("Content-Type: application/json\r\nETag: ")
                    text.append(entityTag: digest)
                    text.append("\r\n")
                }
                return Response(status: 200, headers: headers, body: .bytes(json))
            }
        }
    }

    /// Refuses a PATCH whose line and headers are wrong already, before its body is read.
    func checkPatch(_ head: RequestHead) throws(Problem) {
        let (_, key) = Route.match(head.path)
        try RequestReading.withKey(key, limits: limits) { (_) throws(Problem) in }
        _ = try RequestReading.timeToLive(of: head)
        _ = try RequestReading.condition(of: head)
    }

    // MARK: /incr

    func increment(_ request: Request) throws(Problem) -> Response {
        try withDocument(request.body) { (document) throws(Problem) -> Response in
            var reader = ItemReader(limits: limits.entries, allowsExpiresAt: false)
            var (hasKey, amount, initial) = (false, Int64(1), Int64(0))
            var lifetime: Int64?
            try forEachMember(document, of: ["key", "by", "initial", "ttl"]) { (name, content) throws(Problem) in
                switch name {
                case 0:
                    hasKey = true
                    do throws(CacheError) {
                        try reader.readKey(document, content)
                    } catch {
                        throw Problem(error)
                    }
                case 1: amount = try Self.integer(document, content, "by")
                case 2: initial = try Self.integer(document, content, "initial")
                default: lifetime = try readLifetime(document, content)
                }
            }
            guard hasKey else {
                throw Problem(
                    .invalidBody,
                    "the body has no \"key\"; it must be {\"key\":…}, with \"by\", \"initial\" and \"ttl\" if need be")
            }
            let key = reader.key
            let sum: Int64
            do throws(CacheError) {
                sum = try cache.increment(key, by: amount, initial: initial, lifetime: lifetime)
            } catch {
                throw Problem(error)
            }
            var body: [UInt8] = []
            body.append("{\"key\":")
            key.withUnsafeBytes { body.appendJSONString($0) }
            body.append(",\"value\":")
            body.append(contentsOf: "\(sum)".utf8)
            body.append("}")
            return .json(body)
        }
    }

    private static func integer(
        _ document: borrowing JSONDocument, _ node: JSONNode, _ member: StaticString
    ) throws(Problem) -> Int64 {
        let text = document.source(of: node)
        guard document.kind(of: node) == .number, let integer = Int64(String(decoding: text, as: UTF8.self)) else {
            throw Problem(
                .invalidBody, "\"\(member)\" is \(shortened(text)); it must be an integer of at most 64 bits")
        }
        return integer
    }

    // MARK: /touch

    func touch(_ request: Request) throws(Problem) -> Response {
        try withDocument(request.body) { (document) throws(Problem) -> Response in
            var list: JSONNode?
            var time: JSONNode?
            try forEachMember(document, of: ["keys", "ttl"]) { (name, content) throws(Problem) in
                if name == 0 { list = content } else { time = content }
            }
            guard let list, document.kind(of: list) == .array, let time else {
                throw Problem(
                    .invalidBody,
                    "the body must be {\"keys\":[…],\"ttl\":…}, with a number of seconds, or null for no expiry")
            }
            let lifetime = try readLifetime(document, time)
            return .json(["touched": cache.touch(try readKeys(document, list), lifetime: lifetime)])
        }
    }
}
