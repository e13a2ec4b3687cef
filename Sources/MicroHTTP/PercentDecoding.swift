/// Undoing percent-encoding (RFC 3986, section 2.1).
public enum PercentDecoding {
    /// Why a text cannot be decoded.
    public struct BrokenEscape: Error, Equatable {
        /// Where the `%` stands, in bytes.
        public let offset: Int
    }

    /// Appends the text with its escapes resolved, once.
    ///
    /// - Parameter plusIsSpace: Whether a `+` is a space, as in a query; in a path it is a plus.
    /// - Throws: ``BrokenEscape`` for a `%` without two hexadecimal digits behind it.
    public static func append(
        _ text: BorrowedBytes, to bytes: inout [UInt8], plusIsSpace: Bool = false
    ) throws(BrokenEscape) {
        var offset = 0
        while offset < text.count {
            bytes.append(try next(in: text, at: &offset, plusIsSpace: plusIsSpace))
        }
    }

    /// True if a text of a query stands for an ASCII text of the program. Allocates nothing.
    public static func query(_ text: BorrowedBytes, means name: StaticString) -> Bool {
        var offset = 0
        for position in 0..<name.utf8CodeUnitCount {
            guard offset < text.count, let byte = try? next(in: text, at: &offset, plusIsSpace: true),
                byte == name.utf8Start[position]
            else { return false }
        }
        return offset == text.count
    }

    /// The byte that stands at `offset`, which moves behind it.
    @inline(__always)
    private static func next(
        in text: BorrowedBytes, at offset: inout Int, plusIsSpace: Bool
    ) throws(BrokenEscape) -> UInt8 {
        let byte = text[offset]
        guard byte == UInt8(ascii: "%") else {
            offset += 1
            return plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte
        }
        guard offset + 2 < text.count, let high = digit(text[offset + 1]), let low = digit(text[offset + 2]) else {
            throw BrokenEscape(offset: offset)
        }
        offset += 3
        return high << 4 | low
    }

    /// True if the text has an escape: without one, it is its own decoding.
    public static func hasEscape(_ text: BorrowedBytes) -> Bool { text.contains(UInt8(ascii: "%")) }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
