internal import CSimdJSON

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What a JSON value is.
package enum JSONKind: Sendable {
    case object, array, string, number, bool, null
}

/// A value, or the name of a member, in the document that handed it out. It ends with that document's next parse.
package struct JSONNode: Equatable, Sendable {
    fileprivate let token: UInt32

    fileprivate init(token: UInt32) {
        self.token = token
    }

    fileprivate init?(found token: UInt32) {
        if token == CSJ_NO_NODE { return nil }
        self.token = token
    }
}

/// A JSON text, validated in full and indexed, but neither copied nor converted.
///
/// The document borrows the text it parses and reads everything from there, so that numbers of any size and the escapes
/// of strings stay byte for byte what was written. Parse again to reuse its memory for another text.
///
/// ```swift
/// var document = JSONDocument()
/// try document.parse(text)
/// var child = document.firstChild(of: document.root)
/// while let node = child {
///     use(document.source(of: node))
///     child = document.nextSibling(of: node)
/// }
/// ```
package struct JSONDocument: ~Copyable {
    /// Readable bytes that must lie behind a text. What they hold does not matter.
    package static let padding = Int(CSJ_PADDING)

    /// The deepest nesting of arrays and objects that is accepted.
    package static let maxDepth = Int(CSJ_MAX_DEPTH)

    // Owned by this value alone: made by init or handed to it, destroyed by deinit unless handed on.
    private let parser: UnsafeMutablePointer<csj_parser>

    /// - Complexity: Allocates about 40 KB.
    package init() {
        guard let parser = csj_parser_create() else {
            // As Swift's own allocations do.
            preconditionFailure("out of memory")
        }
        self.parser = parser
    }

    /// Takes over what ``release()`` handed out.
    init(parser: UnsafeMutablePointer<csj_parser>) {
        self.parser = parser
    }

    /// Gives the parser away, for another document to take over.
    consuming func release() -> UnsafeMutablePointer<csj_parser> {
        let parser = self.parser
        discard self
        return parser
    }

    deinit {
        csj_parser_destroy(parser)
    }

    /// Parses and validates a text against RFC 8259: grammar, UTF-8, any type at the top, nesting up to ``maxDepth``.
    ///
    /// The text is borrowed: it must stay unchanged and readable, ``padding`` bytes behind it included, while nodes of
    /// this document are used. After an error there are no nodes.
    ///
    /// - Throws: ``JSONSyntaxError`` for the first byte that is wrong.
    /// - Complexity: Linear in the text, about a nanosecond a byte or less. The index takes up to 12 bytes for each token,
    ///   and a token may be as short as a byte; ``trim(toBytes:)`` gives the memory back.
    package mutating func parse(_ text: UnsafeRawBufferPointer) throws(JSONSyntaxError) {
        // The parser reads no byte of an empty text, so any address will do for it.
        let bytes = text.baseAddress ?? UnsafeRawPointer(parser)
        let result = csj_parse(parser, bytes.assumingMemoryBound(to: UInt8.self), text.count)
        guard let reason = result.reason else { return }
        let end = result.offset == text.count ? "unexpected end of the text: " : ""
        throw JSONSyntaxError(offset: result.offset, reason: end + String(cString: reason))
    }

    /// Gives the index's memory back if it has grown beyond so many bytes. Nodes end here.
    package mutating func trim(toBytes bytes: Int) {
        csj_parser_trim(parser, bytes)
    }

    /// The value that is the whole text. There must be a parsed one.
    package var root: JSONNode {
        precondition(parser.pointee.count > 0, "no text has been parsed")
        return JSONNode(token: 0)
    }

    package func kind(of node: JSONNode) -> JSONKind {
        switch csj_node_kind(parser, checked(node)) {
        case csj_object: .object
        case csj_array: .array
        case csj_string: .string
        case csj_bool: .bool
        case csj_null: .null
        default: .number
        }
    }

    /// The node's bytes in the text, from its first to its last: a string with its quotes, a container with its
    /// brackets.
    ///
    /// - Complexity: O(1), and for strings, numbers and literals the white space behind them.
    package func source(of node: JSONNode) -> UnsafeRawBufferPointer {
        let slice = csj_source(parser, checked(node))
        return UnsafeRawBufferPointer(start: slice.bytes, count: slice.count)
    }

    /// The first element of an array or the first name of an object; `nil` for what is empty or no container.
    package func firstChild(of node: JSONNode) -> JSONNode? {
        JSONNode(found: csj_first_child(parser, checked(node)))
    }

    /// What follows in the same container: after a name its value, after the value the next name. `nil` after the last.
    package func nextSibling(of node: JSONNode) -> JSONNode? {
        JSONNode(found: csj_next_sibling(parser, checked(node)))
    }

    // Nodes come from the document alone, so only one kept over a parse can be out of range.
    @inline(__always)
    private func checked(_ node: JSONNode) -> UInt32 {
        assert(node.token < parser.pointee.count, "a node of another text")
        return node.token
    }
}

extension JSONDocument {
    /// How many bytes ``minify(_:into:)`` writes.
    ///
    /// - Complexity: O(1), and for strings, numbers and literals the white space behind them.
    package func minifiedCount(of node: JSONNode) -> Int {
        csj_minified_length(parser, checked(node))
    }

    /// Writes the node without insignificant white space; all else stays byte for byte.
    ///
    /// - Parameter buffer: Exactly ``minifiedCount(of:)`` bytes.
    /// - Complexity: Linear; one `memcpy` when there is nothing to remove.
    package func minify(_ node: JSONNode, into buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count == minifiedCount(of: node), "the buffer must fit the minified node")
        // A node has at least one byte, so a buffer of its size has an address.
        csj_minify(parser, checked(node), buffer.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }

    /// Appends a string's content as UTF-8, its escapes resolved. The node must be a string.
    ///
    /// - Returns: False if the string holds the escape of a surrogate without its partner, which no UTF-8 can say.
    ///   Nothing is appended then.
    package func appendUnescaped(_ node: JSONNode, to bytes: inout [UInt8]) -> Bool {
        precondition(kind(of: node) == .string, "only strings have content")
        let source = source(of: node)
        let content = UnsafeRawBufferPointer(rebasing: source[1..<source.count - 1])
        let start = bytes.count
        bytes.append(contentsOf: content)
        guard let first = content.baseAddress, memchr(first, CInt(UInt8(ascii: "\\")), content.count) != nil else {
            return true
        }
        let kept = bytes.withUnsafeMutableBufferPointer { whole in
            csj_unescape(whole.baseAddress! + start, content.count)
        }
        guard kept >= 0 else {
            bytes.removeLast(content.count)
            return false
        }
        bytes.removeLast(content.count - kept)
        return true
    }

    /// Whether the node is a string with exactly this content, escapes resolved.
    ///
    /// - Parameter name: ASCII.
    package func string(_ node: JSONNode, equals name: StaticString) -> Bool {
        name.withUTF8Buffer { ascii in
            // A static string has an address even if it is empty.
            csj_string_equals(parser, checked(node), ascii.baseAddress!, ascii.count)
        }
    }

    /// A number's value, rounded to the nearest `Double`; `nil` if the node is no number, or one beyond the range of
    /// `Double`.
    package func double(_ node: JSONNode) -> Double? {
        guard kind(of: node) == .number else { return nil }
        guard let value = Double(String(decoding: source(of: node), as: UTF8.self)), value.isFinite else { return nil }
        return value
    }
}
