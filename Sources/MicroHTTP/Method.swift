/// A request's method.
public enum Method: UInt8, Sendable, CaseIterable {
    case get, head, put, post, delete, patch, options
    /// One that this module has no name for.
    case other

    /// The method as it stands in a request.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .put: "PUT"
        case .post: "POST"
        case .delete: "DELETE"
        case .patch: "PATCH"
        case .options: "OPTIONS"
        case .other: "OTHER"
        }
    }

    /// Methods are case-sensitive (RFC 9110, section 9.1).
    init(_ name: BorrowedBytes) {
        self = Method.allCases.first { $0 != .other && name.equals($0.name) } ?? .other
    }
}
