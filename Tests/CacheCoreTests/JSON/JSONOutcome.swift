@testable import CacheCore

/// A text in a buffer of its own, with a chosen byte behind it.
///
/// What lies behind a text must make no difference, so most checks look at it with several bytes there.
enum PaddedText {
    /// Bytes that would go on where a text breaks off.
    static let paddings: [UInt8] = [0, UInt8(ascii: "1"), UInt8(ascii: "\""), UInt8(ascii: "]"), UInt8(ascii: " ")]

    static func with<R>(_ text: [UInt8], padding: UInt8 = 0, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R
    {
        let padded = text + [UInt8](repeating: padding, count: JSONDocument.padding)
        return try padded.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<text.count])) }
    }
}

/// What the parser makes of a text.
enum JSONOutcome: Equatable {
    case valid(minified: [UInt8])
    case invalid(offset: Int)

    /// Parses with the given document.
    init(parsing text: [UInt8], padding: UInt8 = 0, with document: inout JSONDocument) {
        self = PaddedText.with(text, padding: padding) { bytes in
            do throws(JSONSyntaxError) {
                try document.parse(bytes)
                return .valid(minified: document.minified(document.root))
            } catch {
                return .invalid(offset: error.offset)
            }
        }
    }

    /// What it should be.
    init(reference text: [UInt8]) {
        let (error, minified) = ReferenceJSON.judge(text, maxDepth: JSONDocument.maxDepth)
        self = error.map { .invalid(offset: $0) } ?? .valid(minified: minified)
    }
}

extension JSONDocument {
    /// What is wrong with a text, or `nil`.
    mutating func error(parsing text: [UInt8], padding: UInt8 = 0) -> JSONSyntaxError? {
        PaddedText.with(text, padding: padding) { bytes in
            do throws(JSONSyntaxError) {
                try parse(bytes)
                return nil
            } catch {
                return error
            }
        }
    }

    func minified(_ node: JSONNode) -> [UInt8] {
        let count = minifiedCount(of: node)
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            minify(node, into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
            initialized = count
        }
    }

    /// The children of a node, names included.
    func children(of node: JSONNode) -> [JSONNode] {
        var children: [JSONNode] = []
        var next = firstChild(of: node)
        while let child = next {
            children.append(child)
            next = nextSibling(of: child)
        }
        return children
    }

    /// The minified text, put together by walking from child to child.
    func rebuilt(_ node: JSONNode) -> [UInt8] {
        switch kind(of: node) {
        case .array:
            let elements = children(of: node).map { rebuilt($0) }
            return [UInt8(ascii: "[")] + elements.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
        case .object:
            let parts = children(of: node).map { rebuilt($0) }
            let members = stride(from: 0, to: parts.count, by: 2).map {
                parts[$0] + [UInt8(ascii: ":")] + parts[$0 + 1]
            }
            return [UInt8(ascii: "{")] + members.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "}")]
        default:
            return Array(source(of: node))
        }
    }
}

/// A description that keeps a failing text readable.
func quoted(_ text: [UInt8]) -> String {
    String(decoding: text.prefix(400), as: UTF8.self).debugDescription + (text.count > 400 ? " …" : "")
}
