/// How bytes that could break a line, its format or a terminal are written.
///
/// - In combined lines as nginx does: `\xHH` for a quote, a backslash, control characters, and whatever is not ASCII.
/// - In JSON, control characters (those of U+0080 to U+009F too, which some terminals obey), quotes and backslashes as JSON has it;
///   other UTF-8 stays, and each byte that is none becomes U+FFFD.
enum LogEscape {
    @inline(__always)
    static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// True only if all eight bytes are plain.
    @inline(__always)
    static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        // The high bit of some byte is set if the byte is not ASCII, below a space, or zero after the XOR; a borrow can set it in
        // vain, above such a byte.
        let controls = word &- ones &* 0x20
        let quotes = (word ^ ones &* 0x22) &- ones
        let backslashes = (word ^ ones &* 0x5C) &- ones
        let deletes = (word ^ ones &* 0x7F) &- ones
        return (word | controls | quotes | backslashes | deletes) & highs == 0
    }

    /// Puts the character at `offset`, which moves behind it; false if it would end behind `end`.
    static func put(
        _ text: BorrowedBytes, at offset: inout Int, to line: inout LineCursor, before end: UnsafeMutableRawPointer,
        _ format: AccessLog.Format
    ) -> Bool {
        let byte = text[offset]
        let room = end - line.position
        if isPlain(byte) {
            guard room >= 1 else { return false }
            line.put(byte)
            offset += 1
            return true
        }
        switch format {
        case .combined:
            guard room >= 4 else { return false }
            line.put("\\x")
            line.put(upperHex: byte)
            offset += 1
        case .json:
            let count = utf8Count(text, at: offset)
            if byte >= 0x80, count > 1, !(byte == 0xC2 && text[offset + 1] < 0xA0) {
                guard room >= count else { return false }
                for index in offset..<offset + count { line.put(text[index]) }
                offset += count
                return true
            }
            guard room >= 6 else { return false }
            switch byte {
            case UInt8(ascii: "\""): line.put(#"\""#)
            case UInt8(ascii: "\\"): line.put(#"\\"#)
            case UInt8(ascii: "\n"): line.put(#"\n"#)
            case UInt8(ascii: "\r"): line.put(#"\r"#)
            case UInt8(ascii: "\t"): line.put(#"\t"#)
            case 0..<0x80:
                line.put(#"\u00"#)
                line.put(upperHex: byte)
            case 0xC2 where count == 2:
                line.put(#"\u00"#)
                line.put(upperHex: text[offset + 1])
            default: line.put(#"\uFFFD"#)
            }
            offset += max(count, 1)
        }
        return true
    }

    /// How many bytes the UTF-8 character has that begins at `offset`; 0 if none does (Unicode 16, table 3-7).
    private static func utf8Count(_ text: BorrowedBytes, at offset: Int) -> Int {
        func follows(_ distance: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            offset + distance < text.count && range.contains(text[offset + distance])
        }
        switch text[offset] {
        case 0..<0x80: return 1
        case 0xC2...0xDF: return follows(1) ? 2 : 0
        case 0xE0: return follows(1, 0xA0...0xBF) && follows(2) ? 3 : 0
        case 0xED: return follows(1, 0x80...0x9F) && follows(2) ? 3 : 0
        case 0xE1...0xEF: return follows(1) && follows(2) ? 3 : 0
        case 0xF0: return follows(1, 0x90...0xBF) && follows(2) && follows(3) ? 4 : 0
        case 0xF4: return follows(1, 0x80...0x8F) && follows(2) && follows(3) ? 4 : 0
        case 0xF1...0xF3: return follows(1) && follows(2) && follows(3) ? 4 : 0
        default: return 0
        }
    }
}

extension LineCursor {
    fileprivate mutating func put(upperHex byte: UInt8) {
        for digit in [byte >> 4, byte & 0xF] { put(digit < 10 ? digit + 0x30 : digit + 0x37) }
    }
}
