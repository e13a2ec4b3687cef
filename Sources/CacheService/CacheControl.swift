internal import FieldSyntax
internal import MicroHTTP

/// Reading `Cache-Control` (RFC 9111, section 5.2).
enum CacheControl {
    /// What the first `max-age` of a request is; see ``argument(of:in:)``.
    static func maxAge(of head: RequestHead) -> [UInt8]? { argument(of: "max-age", in: head) }

    /// What the first directive of this name in a request is, without the quotes that it may have; empty if it is nothing; nil if
    /// there is none.
    ///
    /// A request may have several fields, which are one list.
    static func argument(of name: StaticString, in head: RequestHead) -> [UInt8]? {
        // Most have none.
        guard head.header("Cache-Control") != nil else { return nil }
        var found: [UInt8]?
        head.forEachHeader("cache-control") { field in
            guard found == nil else { return }
            for directive in Directives(field) where directive.name.equalsIgnoringCase(name) {
                found = Array(directive.argument)
                break
            }
        }
        return found
    }
}
