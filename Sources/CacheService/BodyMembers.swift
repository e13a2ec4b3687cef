internal import CacheCore

extension CacheService {
    /// Calls `body` with each member of the object that a request's body is: the place of its name among `names`, and its value.
    ///
    /// - Throws: A ``Problem`` if there is a member of another name, or two of the same; what `body` throws.
    func forEachMember(
        _ document: borrowing JSONDocument, of names: [StaticString],
        _ body: (_ name: Int, _ content: JSONNode) throws(Problem) -> Void
    ) throws(Problem) {
        guard document.kind(of: document.root) == .object else {
            throw Problem(.invalidBody, "the body is not an object; it must have \(Self.list(names))")
        }
        var seen: UInt64 = 0
        var member = document.firstChild(of: document.root)
        while let name = member, let content = document.nextSibling(of: name) {
            guard let place = names.firstIndex(where: { document.string(name, equals: $0) }) else {
                throw Problem(
                    .invalidBody,
                    "the body has the member \(shortened(document.source(of: name))); it may have \(Self.list(names))")
            }
            guard seen & 1 << UInt64(place) == 0 else { throw Self.twice(names[place]) }
            seen |= 1 << UInt64(place)
            try body(place, content)
            member = document.nextSibling(of: content)
        }
    }

    static func twice(_ member: StaticString) -> Problem {
        Problem(.invalidBody, "the body has the member \"\(member)\" twice; it may have it once")
    }

    /// Nanoseconds to live, from a number of seconds; nil for `null`.
    func readLifetime(_ document: borrowing JSONDocument, _ node: JSONNode) throws(Problem) -> Int64? {
        guard document.kind(of: node) != .null else { return nil }
        do throws(CacheError) {
            return try ItemReader.lifetime(document, node)
        } catch {
            throw Problem(error)
        }
    }

    private static func list(_ names: [StaticString]) -> String {
        let quoted = names.map { "\"\($0)\"" }
        return quoted.count < 2
            ? quoted.joined() : quoted.dropLast().joined(separator: ", ") + " and " + (quoted.last ?? "")
    }
}
