/// What a cache refuses, and why.
///
/// Compare ``code``, not the text: codes are stable, messages are for people.
public struct CacheError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of an error. The raw value is the slug that the HTTP service sends.
    public struct Code: RawRepresentable, Sendable, Hashable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The key is empty.
        public static let invalidKey = Code(rawValue: "invalid_key")
        /// The key has more bytes than a key may have.
        public static let keyTooLong = Code(rawValue: "key_too_long")
        /// The value has more bytes than a value may have.
        public static let valueTooLarge = Code(rawValue: "value_too_large")
        /// The value is not a JSON text.
        public static let invalidJSON = Code(rawValue: "invalid_json")
        /// The time to live is not more than zero, or is more than ten years.
        public static let invalidTTL = Code(rawValue: "invalid_ttl")
        /// The entry is larger than all the memory that the cache may use, or the system has no memory left.
        public static let insufficientStorage = Code(rawValue: "insufficient_storage")
        /// The configuration of the cache contradicts itself or is out of range.
        public static let invalidConfiguration = Code(rawValue: "invalid_configuration")
        /// A source that the cache is warmed from cannot be opened or read.
        public static let unreadableSource = Code(rawValue: "unreadable_source")
        /// A snapshot cannot be written, on a full disk for one.
        public static let snapshotFailed = Code(rawValue: "snapshot_failed")
        /// A listing was continued with a cursor that this cache did not give out.
        public static let invalidCursor = Code(rawValue: "invalid_cursor")
        /// A tag is empty or has too many bytes, or an entry has too many tags.
        public static let invalidTag = Code(rawValue: "invalid_tag")
        /// The key does not begin with what it must begin with.
        package static let forbidden = Code(rawValue: "forbidden")
        /// The value is not a JSON integer, so that nothing can be added to it.
        public static let notANumber = Code(rawValue: "not_a_number")
        /// The integer, or what it would become, does not fit into 64 bits.
        public static let overflow = Code(rawValue: "overflow")
        /// The text is JSON, but not an item: it lacks a member, has an unknown one, or one of the wrong type.
        public static let invalidBody = Code(rawValue: "invalid_body")
    }

    public let code: Code

    /// What was wrong, where, and what would be right.
    public let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code.rawValue): \(message)" }
}
