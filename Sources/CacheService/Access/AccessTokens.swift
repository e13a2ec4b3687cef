internal import CGnuTLS

/// The tokens that the service knows, each by its SHA-256: who reads the file learns no token.
public struct AccessTokens: Sendable {
    /// What is known of a token.
    struct Grant: Sendable, Equatable {
        var digest: [UInt8]
        var scope: AccessScope
        /// What all keys begin with that it may be used for; empty for any key.
        var prefix: [UInt8] = []

        /// Tells it from others, to whoever counts what its owner does.
        var identity: UInt64 { AccessTokens.shortened(digest) }
    }

    /// By the first eight bytes of the digest.
    private var grants: [UInt64: [Grant]] = [:]

    /// How many there are.
    public private(set) var count = 0

    /// What a file of tokens has wrong.
    public struct SyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
        /// The line's number; the first is 1.
        public let line: Int
        /// What is wrong with it, and what would be right.
        public let reason: String

        public var description: String { "line \(line): \(reason)" }
    }

    private static let digestCount = 32

    /// Reads tokens, one a line: the SHA-256 of the token in hexadecimal digits, `read`, `write` or `admin`, and the prefix that the
    /// keys must have, if it is confined to some; with white space between them. A prefix is the rest of the line, and may have spaces
    /// within. Empty lines, and those that begin with `#`, are passed over.
    ///
    /// - Throws: ``SyntaxError`` for the first line that is none of that, or that names a token again.
    public init(_ text: [UInt8]) throws(SyntaxError) {
        var number = 0
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let line = Self.trimmed(line)
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            try add(Self.grant(line, number), line: number)
        }
    }

    private mutating func add(_ grant: Grant, line: Int) throws(SyntaxError) {
        guard self.grant(digest: grant.digest) == nil else {
            throw SyntaxError(line: line, reason: "the token was named before; a token may be named once")
        }
        grants[Self.shortened(grant.digest), default: []].append(grant)
        count += 1
    }

    private static func grant(_ line: ArraySlice<UInt8>, _ number: Int) throws(SyntaxError) -> Grant {
        let parts = line.split(maxSplits: 2, omittingEmptySubsequences: true, whereSeparator: isBlank)
        guard let digest = digest(hexadecimal: parts[0]) else {
            throw SyntaxError(
                line: number,
                reason:
                    "it does not begin with a SHA-256, 64 hexadecimal digits; printf %s TOKEN | sha256sum prints one")
        }
        let word = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
        guard let scope = AccessScope(rawValue: word) else {
            throw SyntaxError(
                line: number, reason: "the scope is \"\(word)\"; it must be read, write or admin")
        }
        return Grant(digest: digest, scope: scope, prefix: parts.count > 2 ? Array(trimmed(parts[2])) : [])
    }

    /// What a token may do; nil for an unknown one.
    ///
    /// Where it is looked for follows from its hash, which tells nothing of how near a guess is; what is found is compared in a time
    /// that does not depend on it.
    func grant(token: UnsafeRawBufferPointer) -> Grant? { grant(digest: Self.sha256(token)) }

    private func grant(digest: [UInt8]) -> Grant? {
        var found: Grant?
        for grant in grants[Self.shortened(digest)] ?? [] where gnutls_memcmp(grant.digest, digest, digest.count) == 0 {
            found = grant
        }
        return found
    }

    /// The SHA-256 of some bytes (FIPS 180-4).
    static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: digestCount) { digest, count in
            // An empty text has no address, and GnuTLS wants one.
            let status = withUnsafePointer(to: 0) {
                gnutls_hash_fast(
                    GNUTLS_DIG_SHA256, bytes.baseAddress ?? UnsafeRawPointer($0), bytes.count, digest.baseAddress)
            }
            precondition(status == 0, "GnuTLS has no SHA-256: \(String(cString: gnutls_strerror(status)))")
            count = digestCount
        }
    }

    fileprivate static func shortened(_ digest: [UInt8]) -> UInt64 {
        digest.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    }

    private static func digest(hexadecimal text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count == digestCount * 2 else { return nil }
        var digest: [UInt8] = []
        var high: UInt8?
        for character in text {
            guard let digit = Character(Unicode.Scalar(character)).hexDigitValue.map({ UInt8($0) }) else { return nil }
            if let first = high {
                digest.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return digest
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = text
        while let first = rest.first, isBlank(first) { rest.removeFirst() }
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }
}
