internal import Glibc

/// Checks that a request's line is what its C strings say: libmicrohttpd lets NUL bytes and spaces pass, and a text with a
/// NUL in it would be read as the text before.
enum RequestLine {
    /// True if a target ends where its C string does, query included.
    ///
    /// - Parameter target: The target as it lies in the request's buffer, before the library has changed it: a NUL stands in
    ///   place of the space behind it, and the version comes next.
    static func isWhole(target: UnsafePointer<CChar>) -> Bool {
        strncmp(target + strlen(target) + 1, "HTTP/", 5) == 0
    }

    /// - Parameters:
    ///   - method: The method, in the buffer that the line arrived in, as is the target.
    ///   - target: The target up to its query.
    static func check(method: UnsafePointer<CChar>, target: UnsafePointer<CChar>) throws(FramingError) {
        let count = strlen(method)
        guard count > 0, target - method == count + 1 else {
            throw FramingError(detail: "the method is malformed; it must be letters, and one space behind them")
        }
        guard memchr(target, CInt(UInt8(ascii: " ")), strlen(target)) == nil else {
            throw FramingError(detail: "the target has a space; it must be percent-encoded, as %20")
        }
    }
}
