internal import CMicroHTTPD

/// How large a request's head may be: so that there is room for the answer, whatever the request is.
///
/// libmicrohttpd keeps the head, a note of each field, a copy of the cookies and a note of each of them, the piece of the
/// body that it reads, and the response's head in memory of a fixed size, and closes the connection without an answer when
/// the last does not fit. shim.h has the sum.
struct HeadBounds: Sendable {
    /// The most bytes of the request's line and its fields, with the ends of their lines and the empty line.
    let bytes: Int
    /// The most fields.
    static let fields = Int(mhd_most_request_fields)

    /// - Parameters:
    ///   - bytes: Of the head, with the value of `Cookie` a second time.
    ///   - fields: Of the head, with each cookie as one.
    @inline(__always)
    func check(bytes: Int, fields: Int) throws(HeadError) {
        guard bytes <= self.bytes, fields <= Self.fields else { throw tooLarge }
    }

    /// Checks the fields behind a chunked body, which lie in the same memory.
    ///
    /// - Parameter method: Where the head lies.
    func checkTrailers(_ connection: OpaquePointer, method: UnsafePointer<CChar>) throws(HeadError) {
        guard mhd_count(connection, .FOOTER_KIND) > 0 else { return }
        // The bytes of a chunked body are gone when its trailers arrive: these lie behind the head.
        var end = method
        withUnsafeMutablePointer(to: &end) { end in
            _ = MHD_get_connection_values_n(connection, .FOOTER_KIND, Self.furthestEnd, end)
        }
        let kinds = [MHD_ValueKind.HEADER_KIND, .COOKIE_KIND, .FOOTER_KIND]
        let count = kinds.reduce(0) { $0 + Int(mhd_count(connection, $1)) }
        // The last line's end and the empty line.
        try check(bytes: end - method + 4, fields: count)
    }

    private static let furthestEnd: MHD_KeyValueIteratorN = { context, _, _, _, value, valueCount in
        guard let end = context?.assumingMemoryBound(to: UnsafePointer<CChar>.self), let value else { return .YES }
        end.pointee = max(end.pointee, value + valueCount)
        return .YES
    }

    private var tooLarge: HeadError {
        HeadError(
            .tooLarge,
            "the request's head is too large; its line and fields may have \(bytes) bytes, and \(Self.fields) fields, where the "
                + "value of Cookie counts twice and each cookie as a field")
    }
}
