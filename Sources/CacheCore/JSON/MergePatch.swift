/// Merges a patch into a JSON text (RFC 7396, "JSON Merge Patch").
///
/// What is kept, and what comes from the patch, stays byte for byte but for insignificant white space; members keep their order, and
/// new ones come behind. Of members with the same name the last counts.
///
/// - Complexity: Linear in both texts, expected.
struct MergePatch: ~Copyable {
    /// The result, minified.
    private(set) var output: [UInt8] = []

    /// A member's name, its escapes resolved: names that are written in different ways may be equal.
    private typealias Name = [UInt8]

    init(_ target: borrowing JSONDocument, _ patch: borrowing JSONDocument) {
        output.reserveCapacity(target.minifiedCount(of: target.root) + patch.minifiedCount(of: patch.root))
        merge(target, target.root, patch, patch.root)
    }

    /// Appends what becomes of a value, which nil stands for where there is none.
    ///
    /// Recursion is as deep as the patch, which the parser bounds.
    private mutating func merge(
        _ target: borrowing JSONDocument, _ value: JSONNode?, _ patch: borrowing JSONDocument, _ change: JSONNode
    ) {
        guard patch.kind(of: change) == .object else { return append(patch, change) }
        let changes = Self.members(patch, change)
        var isFirst = true
        output.append(UInt8(ascii: "{"))
        var known: [Name: JSONNode] = [:]
        if let value, target.kind(of: value) == .object {
            known = Self.members(target, value)
            Self.forEachMember(target, value) { name, text, content in
                // The last of the same name counts, and stands where it is.
                guard known[name] == content else { return }
                guard let change = changes[name] else {
                    appendName(target, text, isFirst: &isFirst)
                    return append(target, content)
                }
                guard patch.kind(of: change) != .null else { return }
                appendName(target, text, isFirst: &isFirst)
                merge(target, content, patch, change)
            }
        }
        Self.forEachMember(patch, change) { name, text, content in
            guard changes[name] == content, known[name] == nil, patch.kind(of: content) != .null else { return }
            appendName(patch, text, isFirst: &isFirst)
            merge(target, nil, patch, content)
        }
        output.append(UInt8(ascii: "}"))
    }

    private mutating func appendName(_ document: borrowing JSONDocument, _ name: JSONNode, isFirst: inout Bool) {
        if !isFirst { output.append(UInt8(ascii: ",")) }
        isFirst = false
        append(document, name)
        output.append(UInt8(ascii: ":"))
    }

    private mutating func append(_ document: borrowing JSONDocument, _ node: JSONNode) {
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: document.minifiedCount(of: node)))
        output.withUnsafeMutableBytes { bytes in
            document.minify(node, into: UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
        }
    }

    private static func members(_ document: borrowing JSONDocument, _ object: JSONNode) -> [Name: JSONNode] {
        var members: [Name: JSONNode] = [:]
        forEachMember(document, object) { name, _, content in members[name] = content }
        return members
    }

    private static func forEachMember(
        _ document: borrowing JSONDocument, _ object: JSONNode,
        _ body: (_ name: Name, _ text: JSONNode, _ content: JSONNode) -> Void
    ) {
        var member = document.firstChild(of: object)
        while let text = member, let content = document.nextSibling(of: text) {
            var name: Name = []
            // A name that no UTF-8 can say is as it is written.
            if !document.appendUnescaped(text, to: &name) { name = Array(document.source(of: text)) }
            body(name, text, content)
            member = document.nextSibling(of: content)
        }
    }
}
