/// Lends a copy of bytes that has ``JSONDocument/padding`` readable zero bytes behind it, for callers whose text has
/// none.
///
/// - Complexity: A copy; short ones are on the stack.
package func withPaddedCopy<R: ~Copyable, E: Error>(
    of bytes: UnsafeRawBufferPointer,
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
) throws(E) -> R {
    try withUnsafeTemporaryAllocation(byteCount: bytes.count + JSONDocument.padding, alignment: 1) { buffer throws(E) in
        buffer.copyMemory(from: bytes)
        let padding = UnsafeMutableRawBufferPointer(rebasing: buffer[bytes.count...])
        padding.initializeMemory(as: UInt8.self, repeating: 0)
        return try body(UnsafeRawBufferPointer(rebasing: buffer[..<bytes.count]))
    }
}
