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
    /// `Content-Range`.
    public static let contentRange = HeadMarks(rawValue: 32)
    /// `Lease`.
    public static let lease = HeadMarks(rawValue: 64)
    /// `Content-Encoding`.
    public static let contentEncoding = HeadMarks(rawValue: 128)
    /// `User-Agent` or `Referer`, or another that resembles one of these.
    static let origin = HeadMarks(rawValue: 8)
    /// `traceparent`, or another that resembles it.
    static let trace = HeadMarks(rawValue: 16)

    /// Of a head that was not read to its end: it may have any field.
    static let all = HeadMarks(rawValue: .max)

    /// The mark of a field with this name; none for most.
    @inline(__always)
    init(of name: BorrowedBytes) {
        switch name.count {
        // Requests that are not logged pay for these too: the first letter has to do.
        case 7 where name[0] | 0x20 == UInt8(ascii: "r"): self = .origin
        case 10 where name[0] | 0x20 == UInt8(ascii: "u"): self = .origin
        case 11 where name[0] | 0x20 == UInt8(ascii: "t"): self = .trace
        case 5 where name.equalsIgnoringCase("lease"): self = .lease
        case 8 where name.equalsIgnoringCase("if-match"): self = .conditions
        case 12 where name.equalsIgnoringCase("cache-groups"): self = .cacheGroups
        case 13 where name.equalsIgnoringCase("if-none-match"): self = .conditions
        case 13 where name.equalsIgnoringCase("content-range"): self = .contentRange
        case 15 where name.equalsIgnoringCase("accept-encoding"): self = .acceptEncoding
        case 16 where name.equalsIgnoringCase("content-encoding"): self = .contentEncoding
        default: self = []
        }
    }
}
