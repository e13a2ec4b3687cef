internal import Glibc

/// A request's body as it arrives: bytes that grow at the end, with ``Request/padding`` readable bytes behind them.
struct BodyBuffer: ~Copyable {
    // Invariant: `start` is nil or points to `capacity` bytes from malloc, owned by this value, of which the first `count`
    // are written; `count` + padding <= capacity.
    private var start: UnsafeMutableRawPointer?
    /// Bytes that it takes.
    private(set) var capacity = 0
    private(set) var count = 0

    /// The most that is set aside on the word of a Content-Length alone.
    static let largestGuess = 1 << 20
    private static let smallest = 512

    /// - Parameter expected: How many bytes are announced; nil if that is not known.
    init(expected: Int?) {
        if let expected { _ = reserve(min(expected, Self.largestGuess)) }
    }

    deinit { free(start) }

    /// The bytes so far.
    var bytes: BorrowedBytes { UnsafeRawBufferPointer(start: start, count: count) }

    /// Appends a piece; false if memory is exhausted.
    mutating func append(_ piece: BorrowedBytes) -> Bool {
        guard let source = piece.baseAddress else { return true }
        guard reserve(count + piece.count), let start else { return false }
        memcpy(start + count, source, piece.count)
        count += piece.count
        return true
    }

    private mutating func reserve(_ wanted: Int) -> Bool {
        guard wanted + Request.padding > capacity else { return true }
        let larger = max(wanted + Request.padding, capacity * 2, Self.smallest)
        guard let moved = realloc(start, larger) else { return false }
        start = moved
        capacity = larger
        return true
    }
}
