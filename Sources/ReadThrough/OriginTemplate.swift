/// The URL of an origin's answers, with `{key}` where the key belongs: `https://api.internal/items/{key}`.
///
/// A key fills one segment of the path, or one value of the query, whatever is in it: all but letters, digits and `-._~` is
/// percent-encoded (RFC 3986, section 2.1), and a key that an origin could take for a step in the path has no URL.
public struct OriginTemplate: Sendable, Hashable, CustomStringConvertible {
    /// Why a text is no template; it completes "must be …".
    public struct SyntaxError: Error, Equatable {
        public let reason: String
    }

    private let before: String
    private let after: String
    /// What stands around the key in its segment of the path; nil if the key is in the query.
    private let segment: (before: String, after: String)?

    public var description: String { before + Self.mark + after }

    /// It as a log may have it: what is in a query may be secret.
    public var withoutQuery: String {
        guard let query = description.firstIndex(of: "?") else { return description }
        return description[..<query] + "?…"
    }

    private static let mark = "{key}"

    /// - Throws: ``SyntaxError`` unless it is an http or https URL with one `{key}` in its path or query.
    public init(_ text: String) throws(SyntaxError) {
        guard let mark = text.firstRange(of: Self.mark) else {
            throw SyntaxError(reason: "a URL with {key} where the key belongs, such as \(Self.example)")
        }
        let before = String(text[..<mark.lowerBound])
        let after = String(text[mark.upperBound...])
        guard !after.contains("{"), !before.contains("{") else {
            throw SyntaxError(reason: "a URL with one {key}, and no other braces, such as \(Self.example)")
        }
        guard (before + after).utf8.allSatisfy({ Self.isAllowed($0) }) else {
            throw SyntaxError(
                reason:
                    "a URL of ASCII alone, without blanks, quotes, a fragment or a backslash; others are percent-encoded"
            )
        }
        let scheme = ["http://", "https://"].first { before.lowercased().hasPrefix($0) }
        guard let scheme, let path = before.dropFirst(scheme.utf8.count).firstIndex(of: "/") else {
            throw SyntaxError(
                reason: "an http:// or https:// URL with {key} in its path or query, such as \(Self.example)")
        }
        let authority = before[..<path].dropFirst(scheme.utf8.count)
        guard !authority.isEmpty, !authority.contains("?") else {
            throw SyntaxError(reason: "a URL that names a host, such as \(Self.example)")
        }
        guard !authority.contains("@") else {
            throw SyntaxError(reason: "a URL without a user and password, which belong into a header")
        }
        self.before = before
        self.after = after
        if before[path...].contains("?") {
            segment = nil
        } else {
            segment = (
                String(before[before.index(after: before.lastIndex(of: "/") ?? path)...]),
                String(after.prefix { $0 != "/" && $0 != "?" })
            )
        }
    }

    private static let example = "https://api.internal/items/{key}"

    private static func isAllowed(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"\"#<>\\^`|}".utf8.contains(byte)
    }

    /// The URL for a key; nil if the key is empty, or one that an origin could take for a step in its path.
    ///
    /// Servers resolve `.` and `..` even when they are percent-encoded, and behind a `%2F`: no encoding keeps such a key in its place.
    public func url(key: some Collection<UInt8>) -> String? {
        guard !key.isEmpty else { return nil }
        var encoded = ""
        encoded.reserveCapacity(key.count * 3)
        for byte in key {
            if Self.isUnreserved(byte) {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                encoded +=
                    "%" + String(byte >> 4, radix: 16, uppercase: true)
                    + String(byte & 15, radix: 16, uppercase: true)
            }
        }
        if let segment {
            let filled = segment.before.utf8 + Array(key) + segment.after.utf8
            guard !Self.hasStep(filled) else { return nil }
        }
        return before + encoded + after
    }

    /// Whether what is between slashes, of either kind, is `.` or `..` anywhere; what is behind a `;` is a parameter to some.
    private static func hasStep(_ text: [UInt8]) -> Bool {
        text.split(omittingEmptySubsequences: true) { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
            .contains { part in
                let name = part.prefix { $0 != UInt8(ascii: ";") }
                return (1...2).contains(name.count) && name.allSatisfy { $0 == UInt8(ascii: ".") }
            }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    public static func == (left: OriginTemplate, right: OriginTemplate) -> Bool {
        left.before == right.before && left.after == right.after
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(before)
        hasher.combine(after)
    }
}
