// What must hold for every input, JSON or not. A libFuzzer target: see `Fuzz/run`.

/// The parsed documents of one input and the checks on them.
private struct Check {
    /// Bytes that would go on where a text breaks off: what lies behind a text must make no difference.
    static let paddings: [UInt8] = [0, UInt8(ascii: "1"), UInt8(ascii: "\""), UInt8(ascii: "]")]

    /// Calls the body with the text at the very end of its own allocation, so that the sanitizer sees every byte read
    /// beyond the padding.
    static func withText<R>(_ text: [UInt8], padding: UInt8, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        let count = text.count + JSONDocument.padding
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { memory.deallocate() }
        memory.copyBytes(from: text)
        UnsafeMutableRawBufferPointer(rebasing: memory[text.count...]).initializeMemory(
            as: UInt8.self, repeating: padding)
        return body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<text.count]))
    }

    static func minified(_ node: JSONNode, in document: borrowing JSONDocument) -> [UInt8] {
        let count = document.minifiedCount(of: node)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { memory.deallocate() }
        document.minify(node, into: memory)
        return Array(memory)
    }

    static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

    /// The children tile their container: between one and the next lie a separator of the right kind and at most white
    /// space.
    static func tiling(of node: JSONNode, in document: borrowing JSONDocument) {
        let kind = document.kind(of: node)
        let source = document.source(of: node)
        guard kind == .object || kind == .array else {
            require(document.firstChild(of: node) == nil, "a scalar with children")
            require(document.minifiedCount(of: node) == source.count, "a scalar that can be minified")
            require(!isSpace(source[0]) && !isSpace(source[source.count - 1]), "a scalar with white space around it")
            if kind == .string { content(of: node, in: document) }
            if kind == .number { _ = document.double(node) }
            return
        }
        require(source.first == UInt8(ascii: kind == .object ? "{" : "["), "a container that does not open")
        require(source.last == UInt8(ascii: kind == .object ? "}" : "]"), "a container that does not close")
        var at = 1
        var minifiedCount = 2
        var index = 0
        var next = document.firstChild(of: node)
        while let child = next {
            let piece = document.source(of: child)
            let start = piece.baseAddress! - source.baseAddress!
            require(start >= at && start + piece.count < source.count, "a child outside its container")
            let between = source[at..<start].filter { !isSpace($0) }
            let separator = index == 0 ? [] : Array((kind == .object && index % 2 == 1 ? ":" : ",").utf8)
            require(between == separator, "children with something else between them")
            if kind == .object && index % 2 == 0 {
                require(document.kind(of: child) == .string, "a name that is no string")
            }
            minifiedCount += document.minifiedCount(of: child) + separator.count
            tiling(of: child, in: document)
            at = start + piece.count
            index += 1
            next = document.nextSibling(of: child)
        }
        require(source[at..<source.count - 1].allSatisfy(isSpace), "something behind the last child")
        require(kind == .array || index % 2 == 0, "a name without a value")
        require(minifiedCount == document.minifiedCount(of: node), "a minified count that is not that of the children")
    }

    static func content(of node: JSONNode, in document: borrowing JSONDocument) {
        var bytes: [UInt8] = [1, 2]
        let isValid = document.appendUnescaped(node, to: &bytes)
        require(
            bytes.starts(with: [1, 2]) && (isValid || bytes.count == 2), "bytes before a string's content were touched")
        require(String(validating: bytes, as: UTF8.self) != nil, "content that is not UTF-8")
        let isKey = isValid && bytes.dropFirst(2).elementsEqual("key".utf8)
        require(document.string(node, equals: "key") == isKey, "a name that is not its content")
    }

    /// Everything about one input.
    static func run(_ text: [UInt8], with document: inout JSONDocument) {
        let reference = ReferenceJSON.judge(text, maxDepth: JSONDocument.maxDepth)
        for padding in paddings {
            let minified: [UInt8]? = withText(text, padding: padding) { bytes in
                do throws(JSONSyntaxError) {
                    try document.parse(bytes)
                } catch {
                    require(
                        error.offset == reference.error,
                        "refused at \(error), the reference at \(String(describing: reference.error))")
                    return nil
                }
                require(
                    reference.error == nil,
                    "taken, but the reference refuses it at \(String(describing: reference.error))")
                tiling(of: document.root, in: document)
                return self.minified(document.root, in: document)
            }
            guard let minified else { continue }
            require(minified == reference.minified, "minified unlike the reference")
            withText(minified, padding: padding) { bytes in
                do throws(JSONSyntaxError) {
                    try document.parse(bytes)
                } catch {
                    fatalError("a minified text is refused: \(error)")
                }
                require(self.minified(document.root, in: document) == minified, "a minified text gets smaller")
            }
        }
    }
}

// libFuzzer calls from one thread.
nonisolated(unsafe) private var document = JSONDocument()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    Check.run(Array(UnsafeBufferPointer(start: bytes, count: count)), with: &document)
    return 0
}
