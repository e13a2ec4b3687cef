internal import CacheCore

/// How much a client may send.
public struct ServiceLimits: Sendable {
    /// The most bytes of a key, in UTF-8.
    public var maxKeyBytes: Int
    /// The most bytes of a value's JSON, as it is sent and as it is kept.
    public var maxValueBytes: Int
    /// The most bytes of the body of a bulk request.
    public var maxBodyBytes: Int
    /// The most items of a bulk request.
    public var maxBulkItems: Int
    /// What the keys of the client's token begin with.
    var keyPrefix: [UInt8] = []

    public init(
        maxKeyBytes: Int = 512, maxValueBytes: Int = 8 << 20, maxBodyBytes: Int = 64 << 20, maxBulkItems: Int = 10_000
    ) {
        self.maxKeyBytes = maxKeyBytes
        self.maxValueBytes = maxValueBytes
        self.maxBodyBytes = maxBodyBytes
        self.maxBulkItems = maxBulkItems
    }

    var entries: EntryLimits {
        EntryLimits(maxKeyBytes: maxKeyBytes, maxValueBytes: maxValueBytes, keyPrefix: keyPrefix)
    }
}
