internal import Glibc

/// Bytes that belong to a request: valid until the call they were handed to returns.
public typealias BorrowedBytes = UnsafeRawBufferPointer

extension UnsafeRawBufferPointer {
    /// True if these are exactly the bytes of an ASCII text of the program.
    @inline(__always)
    public func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && starts(with: text)
    }

    /// True if these begin with the bytes of an ASCII text of the program.
    @inline(__always)
    public func starts(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount, let baseAddress else { return text.utf8CodeUnitCount == 0 }
        return memcmp(baseAddress, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    /// True if these are the bytes of an ASCII text of the program, whatever the case; the text must be in lower case.
    public func equalsIgnoringCase(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && startsIgnoringCase(with: text)
    }

    /// True if these begin with an ASCII text of the program, whatever the case; the text must be in lower case.
    public func startsIgnoringCase(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount, let start = baseAddress else { return text.utf8CodeUnitCount == 0 }
        for offset in 0..<text.utf8CodeUnitCount {
            let byte = start.load(fromByteOffset: offset, as: UInt8.self)
            let isCapital = byte &- UInt8(ascii: "A") < 26
            if byte | (isCapital ? 0x20 : 0) != text.utf8Start[offset] { return false }
        }
        return true
    }

    /// These without the first `count` bytes.
    @inline(__always)
    public func dropping(_ count: Int) -> BorrowedBytes {
        UnsafeRawBufferPointer(rebasing: self[count...])
    }
}
