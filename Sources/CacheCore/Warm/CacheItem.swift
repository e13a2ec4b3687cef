#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// An entry on its way into a cache: a key, a JSON text, and how long it is to live.
public struct CacheItem: Sendable {
    public var key: String

    /// The value: a JSON text in UTF-8. It is checked when it is put.
    public var json: [UInt8]

    /// How long the entry is to live from when it is put; nil for the cache's default.
    public var ttl: Duration?

    /// Names by which the entry can be removed together with others; see ``ProductionCache/deleteAll(tag:)``.
    public var tags: [String] = []

    /// Where the item came from, for the report of a source that is read line by line: the line's number, from 1.
    var line: Int?

    /// Why the item's line could not be read; such an item is counted and reported, not put.
    var fault: CacheError?

    /// The item had an expiry: its time to live is kept to.
    var hasExpiry = false

    /// The expiry is past.
    var isExpired = false

    /// - Parameters:
    ///   - key: The key: 1 to 65,535 bytes of UTF-8.
    ///   - json: A JSON text in UTF-8.
    ///   - ttl: How long the entry is to live; nil for the cache's default.
    public init(key: String, json: [UInt8], ttl: Duration? = nil) {
        self.key = key
        self.json = json
        self.ttl = ttl
    }

    /// - Parameters:
    ///   - key: The key: 1 to 65,535 bytes of UTF-8.
    ///   - value: What to encode as JSON.
    ///   - ttl: How long the entry is to live; nil for the cache's default.
    ///   - encoder: What encodes it; its strategies must match the cache's decoder.
    /// - Throws: What the encoder throws.
    public init(
        key: String, encoding value: some Encodable, ttl: Duration? = nil, encoder: JSONEncoder = JSONEncoder()
    ) throws {
        self.init(key: key, json: Array(try encoder.encode(value)), ttl: ttl)
    }
}
