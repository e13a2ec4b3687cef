/// RFC 8259 as a pushdown automaton that is fed a byte at a time: slow, plain, and written apart from the parser it judges.
///
/// It refuses the first byte for which there is no transition, which is by definition the first byte at which the text cannot
/// be JSON any more. What it takes, less white space between tokens, is the minified text.
struct ReferenceJSON {
    /// What is awaited.
    private enum State: Equatable {
        case value, firstElement, firstName, name, colon, afterValue
        case string, escape
        case hex(left: Int)
        /// More bytes of a character, the next of them in a range.
        case utf8(left: Int, ClosedRange<UInt8>)
        case literal([UInt8])
        case minus, zero, integer, point, fraction, exponent, exponentSign, exponentDigits
    }

    private var state = State.value
    private var isName = false
    private var closers: [UInt8] = []
    private(set) var minified: [UInt8] = []

    /// The first bad offset, the count of the text if it ends too early, or `nil` for a valid text.
    static func firstError(in text: [UInt8], maxDepth: Int) -> Int? {
        judge(text, maxDepth: maxDepth).error
    }

    /// As ``firstError(in:maxDepth:)``, and the minified text if it is valid.
    static func judge(_ text: [UInt8], maxDepth: Int) -> (error: Int?, minified: [UInt8]) {
        var reference = ReferenceJSON()
        reference.minified.reserveCapacity(text.count)
        for (offset, byte) in text.enumerated() where !reference.take(byte, maxDepth: maxDepth) {
            return (offset, [])
        }
        return reference.isComplete ? (nil, reference.minified) : (text.count, [])
    }

    private var isComplete: Bool {
        switch state {
        case .afterValue, .zero, .integer, .fraction, .exponentDigits: closers.isEmpty
        default: false
        }
    }

    private mutating func take(_ byte: UInt8, maxDepth: Int) -> Bool {
        switch next(byte, maxDepth: maxDepth) {
        case .refused:
            return false
        case .space:
            return true
        case .taken(let next):
            state = next
            minified.append(byte)
            return true
        }
    }

    private enum Step {
        case taken(State)
        case space
        case refused
    }

    private mutating func next(_ byte: UInt8, maxDepth: Int) -> Step {
        switch state {
        case .value, .firstElement, .firstName, .name, .colon, .afterValue:
            betweenTokens(byte, maxDepth: maxDepth)
        case .string, .escape, .hex, .utf8:
            inString(byte)
        case .literal(let rest):
            byte != rest.first ? .refused : .taken(rest.count == 1 ? .afterValue : .literal(Array(rest.dropFirst())))
        default:
            inNumber(byte, maxDepth: maxDepth)
        }
    }

    private mutating func betweenTokens(_ byte: UInt8, maxDepth: Int) -> Step {
        if [0x20, 0x09, 0x0A, 0x0D].contains(byte) { return .space }
        switch (state, byte) {
        case (.value, _):
            return valueStart(byte, maxDepth: maxDepth)
        case (.firstElement, UInt8(ascii: "]")), (.firstName, UInt8(ascii: "}")):
            closers.removeLast()
            return .taken(.afterValue)
        case (.firstElement, _):
            return valueStart(byte, maxDepth: maxDepth)
        case (.firstName, UInt8(ascii: "\"")), (.name, UInt8(ascii: "\"")):
            isName = true
            return .taken(.string)
        case (.colon, UInt8(ascii: ":")):
            return .taken(.value)
        case (.afterValue, UInt8(ascii: ",")):
            guard let closer = closers.last else { return .refused }
            return .taken(closer == UInt8(ascii: "}") ? .name : .value)
        case (.afterValue, _):
            guard byte == closers.last else { return .refused }
            closers.removeLast()
            return .taken(.afterValue)
        default:
            return .refused
        }
    }

    private mutating func valueStart(_ byte: UInt8, maxDepth: Int) -> Step {
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            guard closers.count < maxDepth else { return .refused }
            let isObject = byte == UInt8(ascii: "{")
            closers.append(UInt8(ascii: isObject ? "}" : "]"))
            return .taken(isObject ? .firstName : .firstElement)
        case UInt8(ascii: "\""):
            isName = false
            return .taken(.string)
        case UInt8(ascii: "t"): return .taken(.literal(Array("rue".utf8)))
        case UInt8(ascii: "f"): return .taken(.literal(Array("alse".utf8)))
        case UInt8(ascii: "n"): return .taken(.literal(Array("ull".utf8)))
        case UInt8(ascii: "-"): return .taken(.minus)
        case UInt8(ascii: "0"): return .taken(.zero)
        case UInt8(ascii: "1")...UInt8(ascii: "9"): return .taken(.integer)
        default: return .refused
        }
    }

    private func inString(_ byte: UInt8) -> Step {
        switch (state, byte) {
        case (.string, UInt8(ascii: "\"")): .taken(isName ? .colon : .afterValue)
        case (.string, UInt8(ascii: "\\")): .taken(.escape)
        case (.string, 0x20...0x7F): .taken(.string)
        case (.string, 0xC2...0xDF): .taken(.utf8(left: 1, 0x80...0xBF))
        case (.string, 0xE0): .taken(.utf8(left: 2, 0xA0...0xBF))
        case (.string, 0xED): .taken(.utf8(left: 2, 0x80...0x9F))
        case (.string, 0xE1...0xEF): .taken(.utf8(left: 2, 0x80...0xBF))
        case (.string, 0xF0): .taken(.utf8(left: 3, 0x90...0xBF))
        case (.string, 0xF1...0xF3): .taken(.utf8(left: 3, 0x80...0xBF))
        case (.string, 0xF4): .taken(.utf8(left: 3, 0x80...0x8F))
        case (.utf8(let left, let range), _):
            !range.contains(byte) ? .refused : .taken(left == 1 ? .string : .utf8(left: left - 1, 0x80...0xBF))
        case (.escape, UInt8(ascii: "u")): .taken(.hex(left: 4))
        case (.escape, _): "\"\\/bfnrt".utf8.contains(byte) ? .taken(.string) : .refused
        case (.hex(let left), _):
            !"0123456789abcdefABCDEF".utf8.contains(byte)
                ? .refused : .taken(left == 1 ? .string : .hex(left: left - 1))
        default: .refused
        }
    }

    private mutating func inNumber(_ byte: UInt8, maxDepth: Int) -> Step {
        let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        let isExponent = byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E")
        switch state {
        case .minus where isDigit: return .taken(byte == UInt8(ascii: "0") ? .zero : .integer)
        case .integer where isDigit: return .taken(.integer)
        case .zero where byte == UInt8(ascii: "."), .integer where byte == UInt8(ascii: "."): return .taken(.point)
        case .zero where isExponent, .integer where isExponent, .fraction where isExponent: return .taken(.exponent)
        case .point where isDigit, .fraction where isDigit: return .taken(.fraction)
        case .exponent where byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-"): return .taken(.exponentSign)
        case .exponent where isDigit, .exponentSign where isDigit, .exponentDigits where isDigit:
            return .taken(.exponentDigits)
        case .zero, .integer, .fraction, .exponentDigits:
            // The number has ended, and this byte is what follows it.
            state = .afterValue
            return betweenTokens(byte, maxDepth: maxDepth)
        default: return .refused
        }
    }
}
