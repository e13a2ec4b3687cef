/// Cuts a stream of bytes into lines, whatever pieces it arrives in. At most one line is held.
///
/// A line ends at a line feed or at the end of the stream; a carriage return before the feed is white space to JSON and
/// stays. Lines that hold nothing but white space are passed over, but counted.
struct LineSplitter {
    /// A line, or the fact that one was longer than it may be.
    enum Line {
        /// The line's bytes, with ``JSONDocument/padding`` readable bytes behind them; valid during the call.
        case text(UnsafeRawBufferPointer)
        case tooLong
    }

    private let maxLineBytes: Int
    /// The beginning of a line whose end has not arrived, with the padding behind it.
    private var pending: [UInt8] = []
    private var isSkipping = false

    /// The number of the line told last, from 1.
    private(set) var number = 0

    /// How many bytes are held of the line whose end has not arrived.
    var heldBytes: Int { pending.capacity }

    init(maxLineBytes: Int) { self.maxLineBytes = maxLineBytes }

    /// Takes in the next piece of the stream.
    mutating func consume(_ piece: UnsafeRawBufferPointer, _ body: (Int, Line) -> Void) {
        var rest = piece[...]
        while let feed = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let end = UnsafeRawBufferPointer(rebasing: rest[..<feed])
            // Enough readable bytes behind the line: it can be read where it is.
            if pending.isEmpty, !isSkipping, piece.endIndex - feed >= JSONDocument.padding {
                number += 1
                tell(end, body)
            } else {
                keep(end)
                finishLine(body)
            }
            rest = rest[(feed + 1)...]
        }
        if !rest.isEmpty { keep(UnsafeRawBufferPointer(rebasing: rest)) }
    }

    /// Tells the last line, if the stream did not end with a line feed.
    mutating func finish(_ body: (Int, Line) -> Void) {
        if !pending.isEmpty || isSkipping { finishLine(body) }
    }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        guard !isSkipping else { return }
        guard pending.count + bytes.count <= maxLineBytes else {
            isSkipping = true
            pending.removeAll(keepingCapacity: true)
            return
        }
        pending.append(contentsOf: bytes)
    }

    private mutating func finishLine(_ body: (Int, Line) -> Void) {
        number += 1
        if isSkipping {
            isSkipping = false
            body(number, .tooLong)
        } else {
            let count = pending.count
            pending.append(contentsOf: repeatElement(0, count: JSONDocument.padding))
            pending.withUnsafeBytes { tell(UnsafeRawBufferPointer(rebasing: $0[..<count]), body) }
        }
        pending.removeAll(keepingCapacity: true)
    }

    private func tell(_ line: UnsafeRawBufferPointer, _ body: (Int, Line) -> Void) {
        if line.count > maxLineBytes { return body(number, .tooLong) }
        let isBlank = line.allSatisfy {
            $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r")
        }
        if !isBlank { body(number, .text(line)) }
    }
}
