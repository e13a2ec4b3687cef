/// What was written to a snapshot.
public struct SnapshotReport: Sendable, Equatable {
    /// Live entries that it has.
    public var entries = 0
    /// Bytes of the file.
    public var bytes = 0
    /// How long it took.
    public var duration: Duration = .zero

    public init() {}
}

/// What was read from a snapshot.
public struct RestoreReport: Sendable, Equatable {
    /// Entries that are in the cache again, that could not be put in, and whose expiry is past.
    public var loaded = 0
    public var failed = 0
    public var expired = 0
    /// Entries that were passed over because their keys have been written or removed since the restoring began.
    public var superseded = 0
    /// What is wrong with the file; nil if it is whole. What is whole in it was loaded.
    public var damage: String?
    /// What a damaged file was renamed to; nil if it could not be renamed, and is to be kept from being written over.
    public var keptAs: String?
    /// How long it took.
    public var duration: Duration = .zero

    mutating func add(_ other: RestoreReport) {
        loaded += other.loaded
        failed += other.failed
        expired += other.expired
        superseded += other.superseded
    }
}
