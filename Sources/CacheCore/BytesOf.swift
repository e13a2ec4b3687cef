/// Calls `body` with a string's UTF-8, without a copy where the string has it in one piece.
@inline(__always)
package func withUTF8<Result: ~Copyable, Failure: Error>(
    of string: String, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    try string.utf8Span.span.bytes.withUnsafeBytes { (bytes) throws(Failure) in try body(bytes) }
}

/// Calls `body` with an array's bytes.
package func withBytes<Result: ~Copyable, Failure: Error>(
    of array: [UInt8], _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    try array.span.bytes.withUnsafeBytes { (bytes) throws(Failure) in try body(bytes) }
}
