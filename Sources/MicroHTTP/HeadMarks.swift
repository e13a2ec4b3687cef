/// Kinds of header fields that a request has: so that nobody looks for what is not there.
public struct HeadMarks: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `If-Match` or `If-None-Match`.
    public static let conditions = HeadMarks(rawValue: 1)
    /// `Accept-Encoding`.
    public static let acceptEncoding = HeadMarks(rawValue: 2)
    /// `Cache-Groups`.
    public static let cacheGroups = HeadMarks(rawValue: 4)

    /// The mark of a field with this name; none for most.
    @inline(__always)
    init(of name: BorrowedBytes) {
        switch name.count {
        case 8 where name.equalsIgnoringCase("if-match"): self = .conditions
        case 12 where name.equalsIgnoringCase("cache-groups"): self = .cacheGroups
        case 13 where name.equalsIgnoringCase("if-none-match"): self = .conditions
        case 15 where name.equalsIgnoringCase("accept-encoding"): self = .acceptEncoding
        default: self = []
        }
    }
}
