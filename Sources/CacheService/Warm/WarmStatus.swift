/// How far the filling from one source is, or how it ended.
public struct WarmStatus: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case waiting, running, done, failed
    }

    /// The source's name in the configuration, or else its URL without password and query.
    public var source: String
    public var state = State.waiting
    /// Items that were put, refused, and found expired.
    public var loaded = 0
    public var failed = 0
    public var expired = 0
    /// Items put a second, so far or on the whole.
    public var rate = 0.0
    /// Bytes of the source that were read, and that it has; nil where that is not known.
    public var bytesDone: Int?
    public var bytesTotal: Int?
    /// Why it failed, or was interrupted last; nil if neither was.
    public var error: String?
    /// What was wrong with the first item that was refused, once the source has been read; nil if none was.
    public var firstItemError: String?

    public init(source: String) { self.source = source }
}
