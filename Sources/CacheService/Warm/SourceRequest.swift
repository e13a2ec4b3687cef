internal import CacheCore
internal import MicroHTTP

/// Finds out whether a body names a source, `{"source":NAME}`, in the place of having items: it is held back as long as it may be that.
struct SourceRequest {
    private var held: [UInt8] = []
    private var isDecided = false

    /// Longer than any such body need be.
    private static let mostBytes = 1024

    /// Takes in the next piece of the body.
    ///
    /// - Returns: Whether it was held back; if not, what ``release()`` gives comes before it.
    mutating func hold(_ piece: BorrowedBytes) -> Bool {
        guard !isDecided else { return false }
        guard held.count + piece.count <= Self.mostBytes else {
            isDecided = true
            return false
        }
        held += piece
        guard mayNameSource else {
            held.removeLast(piece.count)
            isDecided = true
            return false
        }
        return true
    }

    /// What was held back, and is to be read as lines now.
    mutating func release() -> [UInt8] {
        isDecided = true
        defer { held = [] }
        return held
    }

    /// The name of the source, when all has come; nil if the body is something else.
    var sourceName: String? {
        guard !held.isEmpty else { return nil }
        return held.withUnsafeBytes { bytes in
            withPaddedCopy(of: bytes) { text in JSONDocumentPool.withDocument { Self.name(in: text, &$0) } }
        }
    }

    private static func name(in text: UnsafeRawBufferPointer, _ document: inout JSONDocument) -> String? {
        do throws(JSONSyntaxError) {
            try document.parse(text)
        } catch {
            // It is told as a line that is wrong.
            return nil
        }
        guard document.kind(of: document.root) == .object, let member = document.firstChild(of: document.root),
            document.string(member, equals: "source"), let value = document.nextSibling(of: member),
            document.nextSibling(of: value) == nil, document.kind(of: value) == .string
        else { return nil }
        var name: [UInt8] = []
        guard document.appendUnescaped(value, to: &name) else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    /// Whether what there is begins as such a body does, white space aside.
    private var mayNameSource: Bool {
        var expected = Array("{\"source\"".utf8)[...]
        for byte in held {
            guard let next = expected.first else { return true }
            if byte == next {
                expected = expected.dropFirst()
            } else if ![0x20, 0x09, 0x0A, 0x0D].contains(byte) {
                return false
            }
        }
        return true
    }
}
