/// A request's method.
public enum Method: UInt8, Sendable, CaseIterable {
    case get, head, put, post, delete, patch, options, query
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
        case .query: "QUERY"
        case .other: "OTHER"
        }
    }

    /// Methods are case-sensitive (RFC 9110, section 9.1).
    init(_ name: BorrowedBytes) {
        switch name.count {
        case 3: self = name.equals("GET") ? .get : name.equals("PUT") ? .put : .other
        case 4: self = name.equals("POST") ? .post : name.equals("HEAD") ? .head : .other
        case 5: self = name.equals("PATCH") ? .patch : name.equals("QUERY") ? .query : .other
        case 6: self = name.equals("DELETE") ? .delete : .other
        case 7: self = name.equals("OPTIONS") ? .options : .other
        default: self = .other
        }
    }
}
