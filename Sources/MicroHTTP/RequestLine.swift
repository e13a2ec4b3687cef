internal import Glibc

/// Reads a request's line where libmicrohttpd is wrong about it.
///
/// It lets NUL bytes and spaces pass, and a text with a NUL in it would be read as the text before. And it notes each parameter
/// of the query in the connection's memory, and is lost when that is full: it answers nothing, and closes the connection
/// without a word. So it sees no query: that is read here, where it lies.
enum RequestLine {
    /// What is found out about a target before the library takes it apart, to be kept until the head has arrived.
    ///
    /// It is kept as a pointer, to an address at which nothing can be.
    struct Note: Equatable {
        private let bits: UInt

        /// The target is not what its C string says.
        static let brokenTarget = Note(bits: 2)

        private init(bits: UInt) { self.bits = bits }

        /// - Parameter hidden: The first byte of a query that is hidden from the library.
        fileprivate init(hidden: UInt8) { self.init(bits: 0x100 | UInt(hidden)) }

        /// The note that a pointer is; nil for any other pointer.
        init?(_ pointer: UnsafeMutableRawPointer) {
            bits = UInt(bitPattern: pointer)
            guard self == .brokenTarget || bits & ~0xFF == 0x100 else { return nil }
        }

        var pointer: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: bits) }

        fileprivate var hidden: UInt8? { bits & 0x100 == 0 ? nil : UInt8(truncatingIfNeeded: bits) }
    }

    /// Hides the query of a target from the library.
    ///
    /// Invariant: the library has looked for the `?` already, and reads parameters from behind it up to a NUL. One is put there
    /// until the head has arrived.
    ///
    /// - Parameter target: The target as it lies in the request's buffer, which the library gives as constant though it is
    ///   about to change it: a NUL stands in place of the space behind it, and the version comes next.
    /// - Returns: What ``showQuery(of:_:)`` needs; nil for nothing.
    static func hideQuery(of target: UnsafePointer<CChar>) -> Note? {
        let count = strlen(target)
        guard strncmp(target + count + 1, "HTTP/", 5) == 0 else { return .brokenTarget }
        guard let mark = memchr(target, CInt(UInt8(ascii: "?")), count) else { return nil }
        let first = mark.load(fromByteOffset: 1, as: UInt8.self)
        // Nothing stands behind the mark.
        guard first != 0 else { return nil }
        mark.storeBytes(of: 0, toByteOffset: 1, as: UInt8.self)
        return Note(hidden: first)
    }

    /// How many bytes a version has: the library itself refuses what is not `HTTP/`, a digit, a dot and a digit.
    static let versionCount = 8

    /// Brings a hidden query back.
    ///
    /// - Parameter path: The target, which now ends where the `?` was.
    static func showQuery(of path: UnsafePointer<CChar>, _ note: Note) {
        guard let hidden = note.hidden else { return }
        UnsafeMutablePointer(mutating: path)[strlen(path) + 1] = CChar(bitPattern: hidden)
    }

    /// The path and the query of a target that is whole.
    ///
    /// - Parameters:
    ///   - target: The target, with a NUL in place of the `?`.
    ///   - version: What stands behind it.
    @inline(__always)
    static func split(
        _ target: UnsafePointer<CChar>, version: UnsafePointer<CChar>
    ) -> (path: BorrowedBytes, query: BorrowedBytes) {
        let pathCount = strlen(target)
        let start = UnsafeRawPointer(target)
        // The NULs in place of the `?` and of the space.
        let queryCount = (version - target) - pathCount - 2
        return (
            UnsafeRawBufferPointer(start: start, count: pathCount),
            UnsafeRawBufferPointer(start: start + pathCount + 1, count: max(0, queryCount))
        )
    }

    static let hasNUL = "the target has a NUL byte; it must be percent-encoded, as %00"

    /// - Parameters:
    ///   - method: The method, in the buffer that the line arrived in, as are the others.
    ///   - target: The target, query and all.
    ///   - version: The version.
    ///   - hasQuery: Whether a query was hidden.
    static func check(
        method: UnsafePointer<CChar>, target: UnsafePointer<CChar>, version: UnsafePointer<CChar>, hasQuery: Bool
    ) throws(HeadError) {
        let count = strlen(method)
        guard count > 0, target - method == count + 1 else {
            throw HeadError(.malformed, "the method is malformed; it must be letters, and one space behind them")
        }
        // Only now is it known where the target ends: a NUL before its `?`, or in place of that, looks like a query that was not
        // hidden.
        let query = split(target, version: version).query
        guard query.isEmpty || hasQuery && !query.contains(0) else {
            throw HeadError(.malformed, Self.hasNUL)
        }
        guard memchr(target, CInt(UInt8(ascii: " ")), version - target) == nil else {
            throw HeadError(.malformed, "the target has a space; it must be percent-encoded, as %20")
        }
    }
}
