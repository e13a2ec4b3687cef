#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Bytes that are appended one behind the other: an array that neither zeroes the room that it hands out nor, when it is large,
/// copies what it has when it grows.
///
/// Invariant: `start` is from malloc, with room for `capacity` bytes, of which the first `count` were handed out; nil if there
/// is none yet. What ``append(_:)`` returned is written before anything is read.
struct ByteBuffer: ~Copyable {
    private var start: UnsafeMutableRawPointer?
    private var capacity = 0
    private(set) var count = 0

    deinit { free(start) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    /// Room for `count` more bytes, for the caller to write all of.
    ///
    /// - Complexity: O(1) amortized, apart from what realloc takes.
    mutating func append(_ count: Int) -> UnsafeMutableRawPointer {
        if start == nil || capacity - self.count < count {
            capacity = max(2 * capacity, self.count + count, 256)
            guard let grown = realloc(start, capacity) else {
                // As where an array cannot grow: a read has no way to say so.
                fatalError("memory is exhausted: \(capacity) bytes for what was read could not be had")
            }
            start = grown
        }
        defer { self.count += count }
        return start.unsafelyUnwrapped + self.count
    }
}
