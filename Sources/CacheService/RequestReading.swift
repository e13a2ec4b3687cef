internal import CacheCore
internal import Compression
internal import FieldSyntax
internal import MicroHTTP

/// Reading what requests say in paths, queries and headers. All of it throws a ``Problem``.
enum RequestReading {
    /// Calls `body` with the key that a path names, percent-decoded once.
    @inline(__always)
    static func withKey<Result: ~Copyable>(
        _ text: BorrowedBytes, limits: ServiceLimits, _ body: (BorrowedBytes) throws(Problem) -> Result
    ) throws(Problem) -> Result {
        guard PercentDecoding.hasEscape(text) else {
            try validate(key: text, limits)
            return try body(text)
        }
        let decoded = try decode(text, as: .invalidKey, "the key")
        // The array lives to the end of the call, and `body` is given its bytes only meanwhile.
        var outcome: Swift.Result<Result, Problem>?
        decoded.withUnsafeBytes { key in
            do throws(Problem) {
                try validate(key: key, limits)
                outcome = .success(try body(key))
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome.take()!.get()
    }

    private static func validate(key: BorrowedBytes, _ limits: ServiceLimits) throws(Problem) {
        do throws(CacheError) {
            try limits.entries.validate(key: key)
        } catch {
            throw Problem(error)
        }
        guard isUTF8(key) else {
            throw Problem(.invalidKey, "the key is not valid UTF-8 after percent-decoding")
        }
    }

    /// The bytes that a percent-encoded text stands for.
    static func decode(
        _ text: BorrowedBytes, as code: ProblemCode, _ what: String, plusIsSpace: Bool = false
    ) throws(Problem) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        do throws(PercentDecoding.BrokenEscape) {
            try PercentDecoding.append(text, to: &decoded, plusIsSpace: plusIsSpace)
        } catch {
            throw Problem(
                code,
                "\(what) has a broken escape at byte \(error.offset); a % must be followed by two hexadecimal digits")
        }
        return decoded
    }

    static func isUTF8(_ bytes: BorrowedBytes) -> Bool {
        if isASCII(bytes) { return true }
        return (try? UTF8Span(validating: Span(_unsafeBytes: bytes))) != nil
    }

    /// Eight bytes at a time.
    private static func isASCII(_ bytes: BorrowedBytes) -> Bool {
        var offset = 0
        var all: UInt64 = 0
        while bytes.count - offset >= 8 {
            all |= bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < bytes.count {
            all |= UInt64(bytes[offset])
            offset += 1
        }
        return all & 0x8080_8080_8080_8080 == 0
    }

    // MARK: Query

    /// A parameter of the query, decoded; nil if it is absent.
    static func parameter(_ name: StaticString, of head: RequestHead) throws(Problem) -> [UInt8]? {
        guard let text = head.parameter(name) else { return nil }
        let decoded = try decode(text, as: .invalidQuery, "the parameter \(name)", plusIsSpace: true)
        guard decoded.withUnsafeBytes({ isUTF8($0) }) else {
            throw Problem(.invalidQuery, "the parameter \(name) is not valid UTF-8 after percent-decoding")
        }
        return decoded
    }

    /// Refuses a query with a parameter that is not among some: where it would do harm to pass over a slip of the pen.
    static func checkParameters(of head: RequestHead, known: [StaticString]) throws(Problem) {
        for (name, _) in head.parameters where !known.contains(where: { PercentDecoding.query(name, means: $0) }) {
            let list = known.map { "\($0)" }.joined(separator: " or ")
            throw Problem(
                .invalidQuery, "the query has the parameter \(quoted(Array(name))); here it may have \(list) alone")
        }
    }

    /// How many keys a page may hold.
    static func pageLimit(of head: RequestHead) throws(Problem) -> Int {
        guard let text = try parameter("limit", of: head) else { return defaultPageLimit }
        guard text.count <= 4, text.allSatisfy({ isDigit($0) }), let limit = Int(String(decoding: text, as: UTF8.self)),
            (1...maximumPageLimit).contains(limit)
        else {
            throw Problem(
                .invalidQuery, "limit is \(quoted(text)); it must be a whole number from 1 to \(maximumPageLimit)")
        }
        return limit
    }

    static func cursor(of head: RequestHead) throws(Problem) -> ListingCursor? {
        guard let text = try parameter("cursor", of: head) else { return nil }
        guard let cursor = ListingCursor(String(decoding: text, as: UTF8.self)) else {
            throw Problem(.invalidQuery, "cursor is \(quoted(text)); it must be the cursor of the page before")
        }
        return cursor
    }

    private static let defaultPageLimit = 100
    private static let maximumPageLimit = 1000

    // MARK: Time to live

    /// Nanoseconds to live that a request asks for by `?ttl=`; nil if it does not say.
    static func timeToLive(of head: RequestHead) throws(Problem) -> Int64? {
        guard let text = head.parameter("ttl") else { return nil }
        let decoded = try decode(text, as: .invalidTTL, "ttl", plusIsSpace: true)
        guard let lifetime = decoded.withUnsafeBytes({ lifetime(decimal: $0) }) else {
            throw Problem(.invalidTTL, "ttl is \(quoted(decoded)); \(lifetimeRule)")
        }
        return lifetime
    }

    /// Nanoseconds to live that a request asks for, by `?ttl=` or else by `Cache-Control: max-age=`; nil if it does not say.
    static func lifetime(of head: RequestHead) throws(Problem) -> Int64? {
        if let lifetime = try timeToLive(of: head) { return lifetime }
        guard let text = CacheControl.maxAge(of: head) else { return nil }
        // RFC 9111, section 1.2.2: a number of seconds is digits, and nothing else.
        guard text.allSatisfy(isDigit), let lifetime = text.withUnsafeBytes({ lifetime(decimal: $0) }) else {
            throw Problem(
                .invalidTTL,
                "max-age of Cache-Control is \(quoted(text)); it must be a whole number of seconds, from 1 to "
                    + "\(CacheConfiguration.maximumTTL.components.seconds)")
        }
        return lifetime
    }

    private static var lifetimeRule: String {
        "it must be a number of seconds, more than 0 and at most \(CacheConfiguration.maximumTTL.components.seconds)"
    }

    /// A number as JSON writes it, without a sign: nothing else that a number parser would take.
    static func lifetime(decimal text: BorrowedBytes) -> Int64? {
        let halves = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 | 0x20 == UInt8(ascii: "e") }
        guard text.count <= 40, let mantissa = halves.first, halves.dropFirst().allSatisfy(isExponent) else {
            return nil
        }
        let digits = mantissa.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard digits.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isDigit) }),
            let seconds = Double(String(decoding: text, as: UTF8.self))
        else { return nil }
        return TimeToLive.nanoseconds(seconds: seconds)
    }

    /// Digits behind a sign or none.
    private static func isExponent(_ text: Slice<BorrowedBytes>) -> Bool {
        let isSigned = text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+")
        let digits = text.dropFirst(isSigned ? 1 : 0)
        return !digits.isEmpty && digits.allSatisfy(isDigit)
    }

    // MARK: Content

    /// Refuses a body that is not what its bytes are read as.
    ///
    /// - Returns: The coding that it comes in; nil for none.
    @discardableResult
    static func checkContent(of head: RequestHead) throws(Problem) -> CompressionFormat? {
        let coding = try contentCoding(of: head)
        try checkMediaType(of: head)
        return coding
    }

    /// Refuses a body whose type says that it is something else than JSON. Most that is not JSON's own type passes:
    /// `curl -d` sends a form's.
    private static func checkMediaType(of head: RequestHead) throws(Problem) {
        guard let field = head.header("Content-Type") else { return }
        let end = field.firstIndex(of: UInt8(ascii: ";")) ?? field.endIndex
        let type = String(decoding: trimmed(UnsafeRawBufferPointer(rebasing: field[..<end])), as: UTF8.self)
            .lowercased()
        let sides = type.split(separator: "/", maxSplits: 1)
        guard sides.count == 2 else { return }
        let subtype = sides[1].split(separator: "+").last.map(String.init) ?? ""
        guard head.method != .patch || sides[1] != "json-patch+json" else {
            var problem = Problem(
                .unsupportedMediaType,
                "the body is a JSON Patch (RFC 6902); it must be a JSON Merge Patch (RFC 7396), application/merge-patch+json"
            )
            problem.acceptsPatch = true
            throw problem
        }
        guard foreignTypes.contains(String(sides[0])) || foreignSubtypes.contains(subtype) else { return }
        throw Problem(.unsupportedMediaType, "the body is \(type); it must be JSON, as application/json")
    }

    private static let foreignTypes: Set<String> = ["audio", "font", "image", "message", "model", "multipart", "video"]
    private static let foreignSubtypes: Set<String> = [
        "xml", "html", "css", "csv", "javascript", "pdf", "zip", "gzip", "zstd", "yaml", "x-yaml", "cbor", "msgpack",
        "vnd.msgpack", "protobuf", "x-protobuf", "grpc", "wasm", "rtf", "sql", "toml", "graphql",
    ]

    // MARK: Text

    static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    static func trimmed(_ text: BorrowedBytes) -> BorrowedBytes { text.trimmingBlanks }

    static func quoted(_ text: [UInt8]) -> String { text.withUnsafeBytes { "\"\(shortened($0))\"" } }
}
