/// Writing JSON by hand, for texts that are put together from the store's own bytes.
extension [UInt8] {
    /// Appends a string's content, which is valid UTF-8, as a JSON string with its quotes.
    package mutating func appendJSONString(_ utf8: UnsafeRawBufferPointer) {
        append(UInt8(ascii: "\""))
        var start = 0
        for (offset, byte) in utf8.enumerated()
        where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
            append(contentsOf: utf8[start..<offset])
            appendEscape(of: byte)
            start = offset + 1
        }
        append(contentsOf: utf8[start...])
        append(UInt8(ascii: "\""))
    }

    package mutating func appendJSONString(_ string: String) {
        var string = string
        string.withUTF8 { appendJSONString(UnsafeRawBufferPointer($0)) }
    }

    private mutating func appendEscape(of byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        default:
            append(contentsOf: "u00".utf8)
            append(contentsOf: [Self.hexDigits[Int(byte >> 4)], Self.hexDigits[Int(byte & 15)]])
        }
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)

    /// Appends text that is ASCII and stands in the program.
    @inline(__always)
    package mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a whole number in decimal.
    @inline(__always)
    package mutating func append(decimal number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = 20
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            append(contentsOf: digits[start...])
        }
    }

    /// Appends nanoseconds as decimal seconds, with as many digits behind the point as it takes.
    package mutating func append(seconds nanoseconds: Int64) {
        append(decimal: Int(nanoseconds / 1_000_000_000))
        var fraction = Int((nanoseconds % 1_000_000_000).magnitude)
        guard fraction > 0 else { return }
        append(UInt8(ascii: "."))
        var unit = 100_000_000
        while fraction > 0 {
            append(UInt8(ascii: "0") + UInt8(fraction / unit))
            fraction %= unit
            unit /= 10
        }
    }
}
