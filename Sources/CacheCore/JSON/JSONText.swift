#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Writing JSON by hand, for texts that are put together from the store's own bytes: into memory that was set aside for
/// it. Writing beyond that is a fault of the program, and traps.
extension OutputSpan<UInt8> {
    @inline(__always)
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        withUnsafeMutableBufferPointer { memory, count in
            precondition(bytes.count <= memory.count - count)
            memcpy(memory.baseAddress! + count, source, bytes.count)
            count += bytes.count
        }
    }

    /// Appends text that is ASCII and stands in the program.
    @inline(__always)
    package mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a whole number in decimal: up to ``JSONText/maximumDecimalCount`` bytes.
    @inline(__always)
    package mutating func append(decimal number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        let magnitude = number.magnitude
        var width = 1
        var bound: UInt = 10
        while magnitude >= bound, width < 20 {
            width += 1
            bound = bound.multipliedReportingOverflow(by: 10).overflow ? .max : bound * 10
        }
        withUnsafeMutableBufferPointer { memory, count in
            precondition(width <= memory.count - count)
            var rest = magnitude
            for place in (count..<count + width).reversed() {
                memory[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            count += width
        }
    }

    /// Appends a string's content, which is valid UTF-8, as a JSON string with its quotes: up to
    /// ``JSONText/maximumStringCount(of:)`` bytes.
    ///
    /// - Complexity: Linear; eight bytes at a time where nothing must be escaped.
    package mutating func appendJSONString(_ utf8: UnsafeRawBufferPointer) {
        append(UInt8(ascii: "\""))
        var start = 0
        while let offset = JSONText.firstEscape(in: utf8, from: start) {
            append(UnsafeRawBufferPointer(rebasing: utf8[start..<offset]))
            appendEscape(of: utf8[offset])
            start = offset + 1
        }
        append(UnsafeRawBufferPointer(rebasing: utf8[start...]))
        append(UInt8(ascii: "\""))
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
            append("u00")
            append(JSONText.hexDigit(byte >> 4))
            append(JSONText.hexDigit(byte & 15))
        }
    }
}

package enum JSONText {
    /// The most bytes that a whole number takes in decimal.
    package static let maximumDecimalCount = 20

    /// The most bytes that a string takes, quotes and escapes included.
    @inline(__always)
    package static func maximumStringCount(of utf8Count: Int) -> Int { utf8Count * 6 + 2 }

    /// Where the first byte stands that a JSON string must escape; nil if there is none.
    package static func firstEscape(in utf8: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        var offset = start
        // Eight bytes at a time: a byte is below 0x20, or equal to one of the two, if a subtraction borrows into its top
        // bit (S. Anderson, "Bit Twiddling Hacks": determine if a word has a byte less than n).
        while utf8.count - offset >= 8 {
            let word = utf8.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let quote = word ^ 0x2222_2222_2222_2222
            let backslash = word ^ 0x5C5C_5C5C_5C5C_5C5C
            let control = (word &- 0x2020_2020_2020_2020) & ~word
            let equal = (quote &- ones) & ~quote | (backslash &- ones) & ~backslash
            if (control | equal) & ones << 7 != 0 { break }
            offset += 8
        }
        while offset < utf8.count {
            let byte = utf8[offset]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return offset }
            offset += 1
        }
        return nil
    }

    private static var ones: UInt64 { 0x0101_0101_0101_0101 }

    static func hexDigit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + (nibble - 10)
    }
}

/// The same at the end of an array, which grows as it must.
extension [UInt8] {
    package mutating func appendJSONString(_ utf8: UnsafeRawBufferPointer) {
        append(addingCapacity: JSONText.maximumStringCount(of: utf8.count)) { $0.appendJSONString(utf8) }
    }

    package mutating func appendJSONString(_ string: String) {
        var string = string
        string.withUTF8 { appendJSONString(UnsafeRawBufferPointer($0)) }
    }

    @inline(__always)
    package mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func append(decimal number: Int) {
        append(addingCapacity: JSONText.maximumDecimalCount) { $0.append(decimal: number) }
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
