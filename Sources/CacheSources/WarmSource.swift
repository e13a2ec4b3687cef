public import CacheCore

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What a cache is filled from: a file, a database or another cache, by its URL.
///
/// ```swift
/// let source = try WarmSource("postgresql://app@db/shop?query=SELECT id AS key, doc AS value FROM products")
/// let report = try await cache.warm(from: source) { progress in print(progress.loaded) }
/// ```
///
/// - `file:///data/items.ndjson`, or the path alone; also `.csv` and `.json`, and any of them with `.zst` or `.gz` behind.
/// - `sqlite:///data/app.db?query=SELECT …`
/// - `postgresql://user@host/database?query=SELECT …`
/// - `redis://host:6379/0?match=user:*`
/// - `https://peer:8080/export`, or any URL that answers such lines, one object of keys and values, or CSV.
///
/// It is a sequence of the items too, for whom that is of more use; ``CacheCore/ProductionCache/warm(from:progress:)`` is several times
/// faster, as no item is made.
public struct WarmSource: Sendable, CustomStringConvertible {
    enum Kind: Sendable {
        case file(FileSource)
        case sqlite(SQLiteSource)
        case postgresql(PostgreSQLSource)
        case redis(RedisSource)
        case http(HTTPSource)
    }

    let kind: Kind
    let keyPrefix: String
    let ttl: Duration?

    /// The URL without password and query: fit for a log.
    public let description: String

    /// The URLs that can be read, for a message.
    package static let schemes = "file, sqlite, postgresql, redis, https or http"

    /// - Parameters:
    ///   - text: A URL, or the path of a file.
    ///   - password: What a database is opened with, in the place of a password in the URL.
    ///   - headers: What is sent with requests for an `https` or `http` source.
    ///   - ttl: How long items live of which the source does not say it; nil for the cache's default.
    ///   - keyPrefix: What is put before every key.
    /// - Throws: ``CacheCore/CacheError`` with `invalidConfiguration` if the text is no such URL, or `invalidTTL`. Nothing is opened yet.
    public init(
        _ text: String, password: String? = nil, headers: [(name: String, value: String)] = [], ttl: Duration? = nil,
        keyPrefix: String = ""
    ) throws(CacheError) {
        self.ttl = ttl
        self.keyPrefix = keyPrefix
        let scheme = Self.scheme(of: text)
        guard password == nil || ["postgresql", "postgres", "redis"].contains(scheme) else {
            throw CacheError(.invalidConfiguration, "a password is for a postgresql or redis source alone")
        }
        guard headers.isEmpty || ["https", "http"].contains(scheme) else {
            throw CacheError(.invalidConfiguration, "headers are for an https or http source alone")
        }
        guard let scheme else {
            guard !text.isEmpty else { throw CacheError(.invalidConfiguration, "the source is empty") }
            kind = .file(FileSource(path: text))
            description = text
            return
        }
        let url = try SourceURL(text, scheme: scheme)
        description = url.redacted
        switch scheme {
        case "file":
            guard url.host.isEmpty || url.host == "localhost", url.path.count > 1 else {
                throw CacheError(
                    .invalidConfiguration, "a file source must have an absolute path: file:///data/items.ndjson")
            }
            try url.refuseRest(known: "none")
            kind = .file(FileSource(path: url.path))
        case "sqlite": kind = .sqlite(try SQLiteSource(url))
        case "postgresql", "postgres": kind = .postgresql(try PostgreSQLSource(url, password: password))
        case "redis":
            kind = .redis(
                try RedisSource(url, password: password, environment: ProcessInfo.processInfo.environment))
        case "https", "http": kind = .http(HTTPSource(text, url, headers: headers))
        default:
            throw CacheError(
                .invalidConfiguration,
                "a source of the scheme \(shortText(scheme)) cannot be read; it must be \(Self.schemes)")
        }
    }

    /// What stands before `://`, in lower case; nil if nothing does.
    private static func scheme(of text: String) -> String? {
        let scheme = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
        guard !scheme.isEmpty, text.dropFirst(scheme.count).hasPrefix("://") else { return nil }
        return scheme.lowercased()
    }

    /// Reads all items, which blocks the thread.
    func read(_ reading: inout SourceReading) throws(SourceFailure) {
        switch kind {
        case .file(let source): try source.read(&reading)
        case .sqlite(let source): try source.read(&reading)
        case .postgresql(let source): try source.read(&reading)
        case .redis(let source): try source.read(&reading)
        case .http(let source): try source.read(&reading)
        }
    }
}
