#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension ProductionCache {
    /// Encodes a value as JSON and puts it.
    ///
    /// - Parameters:
    ///   - key: The key: 1 to 65,535 bytes of UTF-8.
    ///   - value: The value: anything `Encodable`, a bare number, string or nil included.
    ///   - ttl: How long the entry lives; nil for ``CacheConfiguration/defaultTTL``.
    ///   - tags: Names by which it can be removed together with others, see ``deleteAll(tag:)``; at most 64, of at most 256 bytes.
    /// - Throws: What the encoder throws, or ``CacheError``: `invalidKey`, `keyTooLong`, `invalidTTL`, `valueTooLarge`,
    ///   `insufficientStorage`.
    /// - Complexity: That of the encoding; then O(1) expected.
    public func put(_ key: String, _ value: some Encodable, ttl: Duration? = nil, tags: [String] = []) throws {
        let lifetime = try lifetime(ttl)
        let tags = try TagList.make(tags)
        let json = try encode(value)
        try withUTF8(of: key) { key in
            let time = configuration.clock.reading()
            let entry = try store.prepare(json, key: key, lifetime: lifetime, at: time, tags: tags)
            _ = try store.put(entry, now: time.now)
        }
    }

    /// The value with this key, decoded from JSON; nil on a miss.
    ///
    /// - Throws: What the decoder throws when the JSON is not a `Value`. It counts as a hit all the same.
    /// - Complexity: O(1) expected, and the decoding, which is done outside all locks and without a copy of the JSON.
    public func get<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) throws -> Value? {
        guard let value = withUTF8(of: key, { lookup($0) }) else { return nil }
        return try value.withUnsafeBytes { try decode(type, from: $0) }
    }

    /// Encodes values as JSON and puts them all, taking each lock once.
    ///
    /// - Parameters:
    ///   - items: The values by key.
    ///   - ttl: How long each entry lives; nil for ``CacheConfiguration/defaultTTL``.
    ///   - tags: The tags of each entry, as of ``put(_:_:ttl:tags:)``.
    /// - Throws: As ``put(_:_:ttl:tags:)``. If any value or key is refused, nothing is put.
    /// - Complexity: That of the encoding; then O(1) expected a value.
    public func mput(_ items: [String: some Encodable], ttl: Duration? = nil, tags: [String] = []) throws {
        let lifetime = try lifetime(ttl)
        let tags = try TagList.make(tags)
        var batch = WriteBatch(cache: self, capacity: items.count)
        for (key, value) in items {
            let json = try encode(value)
            try withUTF8(of: key) { (key) throws(CacheError) in
                try batch.append(key, json: json, lifetime: lifetime, tags: tags)
            }
        }
        try batch.commit()
    }

    /// The values of those keys that are in the cache, decoded from JSON; takes each lock once.
    ///
    /// - Throws: What the decoder throws, or ``CacheError`` for a key that cannot be one.
    /// - Complexity: O(1) expected a key, and the decoding, which is done outside all locks.
    public func mget<Value: Decodable>(
        _ keys: some Sequence<String>, as type: Value.Type = Value.self
    ) throws -> [String: Value] {
        var batch = KeyBatch(capacity: keys.underestimatedCount)
        var names: [String] = []
        for key in keys {
            let place = try withUTF8(of: key) { (key) throws(CacheError) in try batch.append(key) }
            if place == names.count { names.append(key) }
        }
        let values = store.lookup(batch)
        var found: [String: Value] = [:]
        found.reserveCapacity(names.count)
        for (place, name) in names.enumerated() {
            if let value = try values.withUnsafeBytes(place, { try decode(type, from: $0) }) { found[name] = value }
        }
        return found
    }

    /// A value as JSON without insignificant white space, whatever the encoder is told to print: a line feed in a value would
    /// break the lines of an export.
    func encode(_ value: some Encodable) throws -> Data {
        let json = try configuration.encoder.encode(value)
        // JSON has a line feed only between tokens, and an encoder that prints prettily puts one in whatever is not empty.
        guard json.contains(UInt8(ascii: "\n")) else { return json }
        return try withParsed(Array(json)) { (document: borrowing JSONDocument) in
            var minified = Data(count: document.minifiedCount(of: document.root))
            minified.withUnsafeMutableBytes { document.minify(document.root, into: $0) }
            return minified
        }
    }

    func decode<Value: Decodable>(_ type: Value.Type, from json: UnsafeRawBufferPointer) throws -> Value {
        // The decoder reads the bytes where they are; it keeps none of them, so they may go when it is done.
        let start = UnsafeMutableRawPointer(mutating: json.baseAddress.unsafelyUnwrapped)
        let data = Data(bytesNoCopy: start, count: json.count, deallocator: .none)
        return try configuration.decoder.decode(type, from: data)
    }
}

extension ShardedStore {
    /// Makes an entry whose value is JSON that is known to be valid.
    func prepare(
        _ json: Data, key: UnsafeRawBufferPointer, lifetime: Int64?, at time: (now: Int64, rank: Int64),
        tags: TagList? = nil
    ) throws(CacheError) -> PreparedEntry {
        try prepare(key: key, valueCount: json.count, lifetime: lifetime, at: time, tags: tags) {
            _ = json.copyBytes(to: $0)
        }
    }
}
