internal import CacheCore
internal import FieldSyntax
internal import MicroHTTP

/// `Cache-Groups` (RFC 9875): the groups that a response belongs to, a list of strings in the syntax of structured fields (RFC 9651).
/// They are the tags of an entry.
enum CacheGroups {
    /// The tags that a request gives to what it stores; nil for none.
    static func tags(of head: RequestHead) throws(Problem) -> TagList? {
        guard head.marks.contains(.cacheGroups) else { return nil }
        var names: [[UInt8]] = []
        var isList = true
        // Several fields are one list (RFC 9651, section 4.2).
        head.forEachHeader("cache-groups") { field in isList = isList && StringList.append(field, to: &names) }
        guard isList else {
            throw Problem(
                .invalidTag,
                "Cache-Groups is malformed; it must be ASCII strings in quotes with commas between them, such as "
                    + #""news", "author:3""#)
        }
        do throws(CacheError) {
            return try TagList.make(names)
        } catch {
            throw Problem(error)
        }
    }
}
