/// Cuts a stream of bytes into the rows of a CSV text (RFC 4180), whatever pieces it arrives in: fields with commas between, in double quotes
/// where they hold commas, quotes (doubled) or line breaks. A line ends with LF or CRLF. At most one row is held.
struct CSVReader {
    /// A row, or why it is none.
    enum Row {
        /// The fields one behind the other, and where each ends.
        case fields([UInt8], ends: [Int])
        case malformed(String)
    }

    private enum State {
        /// At the beginning of a field, in one without quotes, in one with them, and behind a quote within that one.
        case start, plain, quoted, afterQuote
    }

    private var state = State.start
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    private var fault: String?
    private var isBeforeFeed = false
    private let maxRowBytes: Int

    /// The line that the row told last begins on, from 1.
    private(set) var line = 1
    private var nextLine = 1

    init(maxRowBytes: Int) { self.maxRowBytes = maxRowBytes }

    mutating func consume(_ piece: UnsafeRawBufferPointer, _ body: (Row) -> Void) {
        for byte in piece { take(byte, body) }
    }

    /// Tells the last row, if no line break is behind it.
    mutating func finish(_ body: (Row) -> Void) {
        if state == .quoted {
            fault = "its last field begins with a quote that is never closed"
        } else if isBeforeFeed {
            take(UInt8(ascii: "\n"), body)
            return
        } else if bytes.isEmpty, ends.isEmpty, state == .start {
            return
        }
        endRow(body)
    }

    @inline(__always)
    private mutating func take(_ byte: UInt8, _ body: (Row) -> Void) {
        if isBeforeFeed {
            isBeforeFeed = false
            // A CR that ends no line is a byte of the field.
            if byte != UInt8(ascii: "\n") { keep(UInt8(ascii: "\r")) }
        }
        switch state {
        case .quoted:
            if byte == UInt8(ascii: "\"") {
                state = .afterQuote
            } else {
                if byte == UInt8(ascii: "\n") { nextLine += 1 }
                keep(byte)
            }
        case .afterQuote where byte == UInt8(ascii: "\""):
            keep(byte)
            state = .quoted
        default:
            switch byte {
            case UInt8(ascii: ","): endField()
            case UInt8(ascii: "\n"):
                nextLine += 1
                endRow(body)
            case UInt8(ascii: "\r"): isBeforeFeed = true
            case UInt8(ascii: "\"") where state == .start: state = .quoted
            case UInt8(ascii: "\""):
                fault = fault ?? "it has a quote in a field that does not begin with one"
                keep(byte)
            default:
                if state == .afterQuote {
                    fault = fault ?? "it has something between a closing quote and the next comma"
                }
                if state == .start { state = .plain }
                keep(byte)
            }
        }
    }

    @inline(__always)
    private mutating func keep(_ byte: UInt8) {
        guard bytes.count < maxRowBytes else {
            fault = fault ?? "it is longer than any entry can be"
            return
        }
        bytes.append(byte)
    }

    private mutating func endField() {
        // Only as many as are looked at: more say no more than that there are too many.
        if ends.count < Self.mostFields { ends.append(bytes.count) }
        state = .start
    }

    private static let mostFields = 4096

    private mutating func endRow(_ body: (Row) -> Void) {
        let isBlank = bytes.isEmpty && ends.isEmpty && state == .start && fault == nil
        endField()
        if !isBlank {
            body(fault.map { .malformed($0) } ?? .fields(bytes, ends: ends))
        }
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        fault = nil
        line = nextLine
    }
}
