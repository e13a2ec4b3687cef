/// How far the reading of a source is.
public struct WarmProgress: Sendable, Equatable {
    /// Items that were put, refused, and found expired so far.
    public var loaded = 0
    public var failed = 0
    public var expired = 0
    /// Bytes of the source that were read, and that it has; nil where that is not known.
    public var bytesDone: Int?
    public var bytesTotal: Int?
    /// Why it is read anew, or goes on where it was cut; nil if it never was.
    public var lastInterruption: String?

    public init() {}
}
