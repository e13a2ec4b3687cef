/// Undoing percent-encoding (RFC 3986, section 2.1).
public enum PercentDecoding {
    /// Why a text cannot be decoded.
    public struct BrokenEscape: Error, Equatable {
        /// Where the `%` stands, in bytes.
        public let offset: Int
    }

    /// Appends the text with its escapes resolved, once; `+` stays a plus.
    ///
    /// - Throws: ``BrokenEscape`` for a `%` without two hexadecimal digits behind it.
    public static func append(_ text: BorrowedBytes, to bytes: inout [UInt8]) throws(BrokenEscape) {
        var offset = 0
        while offset < text.count {
            let byte = text[offset]
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                offset += 1
                continue
            }
            guard offset + 2 < text.count, let high = digit(text[offset + 1]), let low = digit(text[offset + 2]) else {
                throw BrokenEscape(offset: offset)
            }
            bytes.append(high << 4 | low)
            offset += 3
        }
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
