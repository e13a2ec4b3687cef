internal import CacheCore

/// The URL of a source, taken apart: `scheme://user:password@host:port/path?name=value&…`.
///
/// What is percent-encoded is decoded once; a plus is a plus. White space may stand as it is in the query, for the sake of SQL.
struct SourceURL {
    var scheme: String
    /// Empty for none.
    var user: String
    /// nil for none.
    var password: String?
    /// Empty for none; an IPv6 address without its brackets.
    var host: String
    var port: Int?
    /// With its slash; empty for none.
    var path: String
    private var parameters: [(name: String, value: String)] = []

    /// - Throws: ``CacheError`` with ``CacheError/Code/invalidConfiguration``. Its message has no password.
    init(_ text: String, scheme: String) throws(CacheError) {
        self.scheme = scheme
        var rest = text.dropFirst(scheme.count + 3)
        var query: Substring?
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        path = try Self.decoded(rest[slash...], "the path of the \(scheme) URL")
        user = ""
        if let at = authority.lastIndex(of: "@") {
            let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = try Self.decoded(parts[0], "the user of the \(scheme) URL")
            if parts.count > 1 { password = try Self.decoded(parts[1], "the password of the \(scheme) URL") }
            authority = authority[authority.index(after: at)...]
        }
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            host = String(authority[authority.index(after: authority.startIndex)..<end])
            authority = authority[authority.index(after: end)...]
        } else {
            let end = authority.firstIndex(of: ":") ?? authority.endIndex
            host = try Self.decoded(authority[..<end], "the host of the \(scheme) URL")
            authority = authority[end...]
        }
        if !authority.isEmpty {
            guard authority.first == ":", let port = UInt16(authority.dropFirst()), port > 0 else {
                throw CacheError(
                    .invalidConfiguration, "the port of the \(scheme) URL must be a number from 1 to 65535")
            }
            self.port = Int(port)
        }
        for pair in (query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try Self.decoded(parts[0], "a parameter's name in the \(scheme) URL")
            guard !parameters.contains(where: { $0.name == name }) else {
                throw CacheError(
                    .invalidConfiguration, "the \(scheme) URL has the parameter \(name) twice; it may have it once")
            }
            let value = try Self.decoded(
                parts.count > 1 ? parts[1] : "", "the parameter \(name) of the \(scheme) URL")
            parameters.append((name, value))
        }
    }

    /// A parameter, which is not among ``rest()`` any more; nil if there is none.
    mutating func take(_ name: String) -> String? {
        guard let place = parameters.firstIndex(where: { $0.name == name }) else { return nil }
        return parameters.remove(at: place).value
    }

    /// The query of a database.
    ///
    /// - Throws: ``CacheError`` if there is none, with an example that has one.
    mutating func takeQuery(of source: String, example: String) throws(CacheError) -> String {
        guard let query = take("query"), query.contains(where: { !$0.isWhitespace }) else {
            throw CacheError(.invalidConfiguration, "\(source) must have a query: \(example)")
        }
        return query
    }

    /// The parameters that were not taken.
    func rest() -> [(name: String, value: String)] { parameters }

    /// - Throws: ``CacheError`` if there are parameters that were not taken.
    func refuseRest(known: String) throws(CacheError) {
        guard let first = parameters.first else { return }
        throw CacheError(
            .invalidConfiguration,
            "the \(scheme) URL has the parameter \(shortText(first.name)); it may have \(known)")
    }

    /// The URL as it may be shown: without password and query.
    var redacted: String {
        let userInfo = user.isEmpty ? "" : "\(user)@"
        let host = host.contains(":") ? "[\(host)]" : host
        return "\(scheme)://\(userInfo)\(host)\(port.map { ":\($0)" } ?? "")\(path)"
    }

    private static func decoded(_ text: Substring, _ what: String) throws(CacheError) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2,
                rest.first != UInt8(ascii: "+"), value != 0
            else {
                throw CacheError(
                    .invalidConfiguration, "\(what) has a % that begins no escape; a percent sign is written %25")
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CacheError(.invalidConfiguration, "\(what) has escapes that are not UTF-8")
        }
        return text
    }
}

/// A text for a message, cut if it is long.
func shortText(_ text: String) -> String { text.count <= 60 ? text : text.prefix(60) + "…" }
