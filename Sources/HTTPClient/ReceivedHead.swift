/// A response's head, line by line as it comes.
struct ReceivedHead {
    private(set) var headers: [(name: String, value: String)] = []
    /// Bytes of all lines, those of interim responses included.
    private(set) var byteCount = 0
    /// Whether the body has begun: what comes after it are trailers.
    var isOver = false

    /// The most bytes of lines.
    static let mostBytes = 256 << 10

    /// Takes in a line.
    ///
    /// - Returns: Whether it is the empty one that ends a head.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        byteCount += bytes.count
        guard !isOver else { return false }
        var line = bytes[...]
        while let last = line.last, Self.isSpace(last) { line = line.dropLast() }
        guard let first = line.first else { return true }
        if Self.isSpace(first) {
            // A line that continues the one before (RFC 9112, section 5.2).
            if let last = headers.indices.last { headers[last].value += " " + Self.text(line) }
        } else if line.starts(with: "HTTP/".utf8) {
            // The status line, of the response itself or of an interim one before it.
            headers = []
        } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            headers.append(
                (name: Self.text(line[..<colon]).lowercased(), value: Self.text(line[line.index(after: colon)...])))
        }
        return false
    }

    private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        String(decoding: bytes.drop(while: isSpace), as: UTF8.self)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
            || byte == UInt8(ascii: "\n")
    }
}
