internal import CacheCore

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Cuts rows in the text format of `COPY` into their fields: a tab between each two, a backslash before what would end them else, `\N` for
/// NULL. Its memory is used again for the next row.
struct CopiedRow {
    /// The fields one behind the other, if they cannot be read where they are.
    private var unescaped: [UInt8] = []
    private var fields: [Range<Int>?] = []

    /// Lends a row's fields.
    ///
    /// - Parameters:
    ///   - line: The row, with the line break behind it or without.
    ///   - body: Given the bytes that the fields are in, and the place of each in them; nil for NULL.
    mutating func read(_ line: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer, [Range<Int>?]) -> Void) {
        let row = UnsafeRawBufferPointer(rebasing: line.last == UInt8(ascii: "\n") ? line.dropLast() : line[...])
        let isEscaped = Self.first(UInt8(ascii: "\\"), in: row, from: 0) != nil
        fields.removeAll(keepingCapacity: true)
        unescaped.removeAll(keepingCapacity: true)
        var start = 0
        while true {
            let end = Self.first(UInt8(ascii: "\t"), in: row, from: start) ?? row.count
            fields.append(
                isEscaped ? unescape(UnsafeRawBufferPointer(rebasing: row[start..<end])) : start..<end)
            guard end < row.count else { break }
            start = end + 1
        }
        if isEscaped {
            withBytes(of: unescaped) { body($0, fields) }
        } else {
            body(row, fields)
        }
    }

    /// - Returns: Where the field is in ``unescaped``; nil for NULL.
    private mutating func unescape(_ field: UnsafeRawBufferPointer) -> Range<Int>? {
        let start = unescaped.count
        if field.elementsEqual(#"\N"#.utf8) { return nil }
        var place = 0
        while let backslash = Self.first(UInt8(ascii: "\\"), in: field, from: place), backslash + 1 < field.count {
            unescaped += field[place..<backslash]
            unescaped.append(Self.byte(escapedAs: field[backslash + 1]))
            place = backslash + 2
        }
        unescaped += field[place...]
        return start..<unescaped.count
    }

    private static func byte(escapedAs letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): UInt8(ascii: "\n")
        case UInt8(ascii: "r"): UInt8(ascii: "\r")
        case UInt8(ascii: "t"): UInt8(ascii: "\t")
        case UInt8(ascii: "v"): 0x0B
        default: letter
        }
    }

    private static func first(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let base = bytes.baseAddress, start < bytes.count else { return nil }
        // Within the bytes, by their count.
        return memchr(base + start, CInt(byte), bytes.count - start).map { UnsafeRawPointer($0) - base }
    }
}
