internal import Glibc

/// Writes a line's text into raw memory.
///
/// Invariant, which whoever makes one has to keep: behind `position` there is room for all that is put, and for
/// ``LineCursor/overrun`` bytes more, which may be overwritten with anything.
struct LineCursor {
    private(set) var position: UnsafeMutableRawPointer

    /// How far behind the text a put may write.
    static let overrun = 128

    @inline(__always)
    init(_ position: UnsafeMutableRawPointer) { self.position = position }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        position.storeBytes(of: byte, as: UInt8.self)
        position += 1
    }

    /// Puts a text of the program. Its length is known to the compiler: it costs a few moves.
    @inline(__always)
    mutating func put(_ text: StaticString) {
        memcpy(position, text.utf8Start, text.utf8CodeUnitCount)
        position += text.utf8CodeUnitCount
    }

    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        memcpy(position, start, bytes.count)
        position += bytes.count
    }

    mutating func put(_ address: ClientAddress) {
        let room = UnsafeMutableRawBufferPointer(start: position, count: ClientAddress.mostTextBytes)
        position += address.write(to: room)
    }

    /// Puts the first `count` of `capacity` bytes, which is known to the compiler, and at most ``overrun``.
    @inline(__always)
    mutating func put(_ block: UnsafeRawPointer, count: Int, capacity: Int) {
        memcpy(position, block, capacity)
        position += count
    }

    /// Puts a number that is not negative.
    @inline(__always)
    mutating func put(_ number: Int) {
        var rest = UInt(bitPattern: number)
        var digits = 1
        var bound: UInt = 10
        while rest >= bound, digits < 19 {
            bound &*= 10
            digits &+= 1
        }
        var place = digits
        while place > 0 {
            place &-= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            position.storeBytes(of: UInt8(truncatingIfNeeded: digit) | 0x30, toByteOffset: place, as: UInt8.self)
            rest = quotient
        }
        position += digits
    }

    /// Puts what a request says that it speaks.
    @inline(__always)
    mutating func put(version: BorrowedBytes, escaping format: AccessLog.Format) {
        version.equals("HTTP/1.1")
            ? put("HTTP/1.1") : put(version, most: AccessLogLines.Most.version, escaping: format)
    }

    /// Puts a number, most often of three digits.
    @inline(__always)
    mutating func put(status: Int) {
        if (100..<1000).contains(status) { put(threeDigits: UInt32(status)) } else { put(status) }
    }

    /// Puts three digits.
    @inline(__always)
    mutating func put(threeDigits number: UInt32) {
        put(UInt8(truncatingIfNeeded: number / 100 % 10) | 0x30)
        put(UInt8(truncatingIfNeeded: number / 10 % 10) | 0x30)
        put(UInt8(truncatingIfNeeded: number % 10) | 0x30)
    }

    /// Puts what a client sent: as it is if it is plain ASCII, else escaped, and in either case cut where it would have more than
    /// `most` bytes.
    @inline(__always)
    mutating func put(_ text: BorrowedBytes, most: Int, escaping format: AccessLog.Format) {
        if text.count <= most, copyIfPlain(text) { return }
        putEscaped(text, most: most, format)
    }

    @inline(never)
    private mutating func putEscaped(_ text: BorrowedBytes, most: Int, _ format: AccessLog.Format) {
        let end = position + most
        var offset = 0
        while offset < text.count {
            guard LogEscape.put(text, at: &offset, to: &self, before: end, format) else { return }
        }
    }

    // MARK: Plain text

    /// Copies the text if every byte is visible ASCII or a space, and neither a quote nor a backslash. Else nothing is put.
    @inline(__always)
    private mutating func copyIfPlain(_ text: BorrowedBytes) -> Bool {
        guard let start = text.baseAddress else { return true }
        let count = text.count
        if count < 8 {
            for offset in 0..<count {
                let byte = start.load(fromByteOffset: offset, as: UInt8.self)
                guard LogEscape.isPlain(byte) else { return false }
                position.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
            }
        } else {
            var offset = 0
            // The last eight overlap those before.
            while true {
                let word = start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                guard LogEscape.isPlain(word) else { return false }
                position.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                if offset == count &- 8 { break }
                offset = min(offset &+ 8, count &- 8)
            }
        }
        position += count
        return true
    }
}
