/// Reads items of bulk bodies and of NDJSON lines: `{"key":…,"value":…}` with `ttl`, `expires_at` or neither.
package struct ItemReader {
    package let limits: EntryLimits
    /// Whether an item may say when it expires by the time of day.
    private let allowsExpiresAt: Bool

    /// The key of the item read last, in UTF-8.
    package private(set) var key: [UInt8] = []

    /// What an item is, beside its key.
    package struct Item {
        package var value: JSONNode
        /// Nanoseconds to live; nil for no end.
        package var lifetime: Int64?
        /// Its tags; nil for none.
        package var tags: TagList?
        /// It said when it expires by the time of day.
        package var hasExpiry = false
        /// Its expiry is past: it must not be put.
        package var isExpired = false
    }

    package init(limits: EntryLimits, allowsExpiresAt: Bool) {
        self.limits = limits
        self.allowsExpiresAt = allowsExpiresAt
    }

    /// Reads an item.
    ///
    /// - Parameters:
    ///   - document: The document.
    ///   - node: The item's node in it.
    ///   - defaultLifetime: Nanoseconds to live if the item does not say.
    ///   - wallClock: The time of day, in nanoseconds since 1970.
    /// - Throws: ``CacheError`` with `invalidBody`, `invalidKey`, `keyTooLong`, `invalidTTL` or `valueTooLarge`. ``key`` is the
    ///   item's key then, or empty if it has none that can be told.
    package mutating func read(
        _ document: borrowing JSONDocument, _ node: JSONNode, defaultLifetime: Int64?, wallClock: Int64
    ) throws(CacheError) -> Item {
        key.removeAll(keepingCapacity: true)
        guard document.kind(of: node) == .object else {
            throw CacheError(.invalidBody, "an item is not an object; it must be {\"key\":…,\"value\":…}")
        }
        var keyNode: JSONNode?
        var value: JSONNode?
        var ttl: JSONNode?
        var expiresAt: JSONNode?
        var tags: JSONNode?
        var member = document.firstChild(of: node)
        while let name = member, let content = document.nextSibling(of: name) {
            if document.string(name, equals: "key") {
                guard keyNode == nil else { throw Self.twice("key") }
                keyNode = content
            } else if document.string(name, equals: "value") {
                guard value == nil else { throw Self.twice("value") }
                value = content
            } else if document.string(name, equals: "ttl") {
                guard ttl == nil else { throw Self.twice("ttl") }
                ttl = content
            } else if document.string(name, equals: "tags") {
                guard tags == nil else { throw Self.twice("tags") }
                tags = content
            } else if allowsExpiresAt, document.string(name, equals: "expires_at") {
                guard expiresAt == nil else { throw Self.twice("expires_at") }
                expiresAt = content
            } else {
                throw CacheError(
                    .invalidBody,
                    "an item has the member \(shortened(document.source(of: name))); it may have \"key\", \"value\", \"tags\", \"ttl\""
                        + (allowsExpiresAt ? " and \"expires_at\"" : ""))
            }
            member = document.nextSibling(of: content)
        }
        guard let keyNode else { throw CacheError(.invalidBody, "an item has no \"key\"") }
        try readKey(document, keyNode)
        guard let value else { throw CacheError(.invalidBody, "an item has no \"value\"") }
        try limits.validate(valueCount: document.minifiedCount(of: value))
        var item = Item(value: value, lifetime: defaultLifetime)
        // A member that is null is as good as none.
        if let node = ttl, document.kind(of: node) == .null { ttl = nil }
        if let node = expiresAt, document.kind(of: node) == .null { expiresAt = nil }
        if let expiresAt {
            guard ttl == nil else {
                throw CacheError(.invalidTTL, "an item has both \"ttl\" and \"expires_at\"; it may have one of them")
            }
            let left = try Self.timeLeft(document, until: expiresAt, wallClock: wallClock)
            item.isExpired = left <= 0
            item.lifetime = left
            item.hasExpiry = true
        } else if let ttl {
            item.lifetime = try Self.lifetime(document, ttl)
        }
        if let tags, document.kind(of: tags) != .null { item.tags = try Self.tags(document, tags) }
        return item
    }

    /// The tags that an array of strings is.
    ///
    /// - Throws: ``CacheError`` with `invalidTag`.
    private static func tags(_ document: borrowing JSONDocument, _ node: JSONNode) throws(CacheError) -> TagList? {
        var names: [[UInt8]] = []
        var child = document.kind(of: node) == .array ? document.firstChild(of: node) : nil
        var isList = document.kind(of: node) == .array
        while isList, let element = child {
            var name: [UInt8] = []
            isList = document.kind(of: element) == .string && document.appendUnescaped(element, to: &name)
            names.append(name)
            // One too many is refused below, without a look at those behind.
            child = names.count > TagList.mostTags ? nil : document.nextSibling(of: element)
        }
        guard isList else {
            throw CacheError(
                .invalidTag, "tags is \(shortened(document.source(of: node))); it must be an array of strings")
        }
        return try TagList.make(names)
    }

    private static func twice(_ member: StaticString) -> CacheError {
        CacheError(.invalidBody, "an item has the member \"\(member)\" twice; it may have it once")
    }

    /// Reads a key that is a node by itself into ``key``.
    ///
    /// - Throws: ``CacheError`` with `invalidBody`, `invalidKey` or `keyTooLong`.
    package mutating func readKey(_ document: borrowing JSONDocument, _ node: JSONNode) throws(CacheError) {
        key.removeAll(keepingCapacity: true)
        guard document.kind(of: node) == .string else {
            throw CacheError(.invalidBody, "a key is \(shortened(document.source(of: node))); it must be a string")
        }
        guard document.appendUnescaped(node, to: &key) else {
            throw CacheError(
                .invalidKey,
                "the key \(shortened(document.source(of: node))) holds half of a surrogate pair, which is no character")
        }
        try withBytes(of: key) { (key) throws(CacheError) in try limits.validate(key: key) }
    }

    /// Nanoseconds to live, from a number of seconds.
    ///
    /// - Throws: ``CacheError`` with `invalidTTL`.
    package static func lifetime(_ document: borrowing JSONDocument, _ node: JSONNode) throws(CacheError) -> Int64 {
        guard let seconds = document.double(node), let lifetime = TimeToLive.nanoseconds(seconds: seconds) else {
            throw CacheError(
                .invalidTTL,
                "ttl is \(shortened(document.source(of: node))); it must be a number of seconds, more than 0 and at most "
                    + "\(CacheConfiguration.maximumTTL.components.seconds)")
        }
        return lifetime
    }

    /// By how many seconds an expiry may be beyond the longest time to live, which it is then: an entry with ten years to live is exported, a
    /// moment ahead of this clock or rounded, and is to be loaded.
    private static let clockTolerance = 60.0

    private static func timeLeft(
        _ document: borrowing JSONDocument, until node: JSONNode, wallClock: Int64
    ) throws(CacheError) -> Int64 {
        let maximum = CacheConfiguration.maximumTTL.components.seconds
        if let seconds = document.double(node) {
            let left = seconds - Double(wallClock) / 1e9
            if left <= 0 { return 0 }
            if left <= Double(maximum) + clockTolerance { return max(1, Int64(min(left, Double(maximum)) * 1e9)) }
        }
        throw CacheError(
            .invalidTTL,
            "expires_at is \(shortened(document.source(of: node))); it must be a number of seconds since 1970, at most "
                + "\(maximum) from now")
    }
}

/// The beginning of a piece of a client's text, for a message.
package func shortened(_ bytes: UnsafeRawBufferPointer) -> String {
    let limit = 60
    return bytes.count <= limit
        ? String(decoding: bytes, as: UTF8.self) : String(decoding: bytes.prefix(limit), as: UTF8.self) + "…"
}
