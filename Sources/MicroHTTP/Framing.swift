internal import CMicroHTTPD
internal import Glibc

/// Why it cannot be told where a request ends.
struct FramingError: Error {
    let detail: String
}

/// Reads where a request ends from its header fields, and refuses what two readers could read in two ways
/// (RFC 9112, section 6.3): request smuggling lives on such messages.
enum Framing {
    private struct Fields {
        var lengths = 0
        var length: UnsafeRawBufferPointer?
        var lengthsDiffer = false
        var encodings = 0
        var encoding: UnsafeRawBufferPointer?
    }

    static func read(_ connection: OpaquePointer) throws(FramingError) -> BodyFraming {
        var fields = Fields()
        _ = withUnsafeMutablePointer(to: &fields) { fields in
            MHD_get_connection_values_n(connection, .HEADER_KIND, note, fields)
        }
        if fields.encodings > 0 {
            guard fields.lengths == 0 else {
                throw FramingError(
                    detail: "the request has both Content-Length and Transfer-Encoding; it may have one of them")
            }
            guard fields.encodings == 1, let encoding = fields.encoding, encoding.equalsIgnoringCase("chunked") else {
                throw FramingError(detail: "the Transfer-Encoding is not understood; it must be chunked")
            }
            return .chunked
        }
        guard let text = fields.length else { return .none }
        guard !fields.lengthsDiffer else {
            throw FramingError(detail: "the request has several values of Content-Length; it may have one")
        }
        guard !text.isEmpty, text.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            let length = Int(String(decoding: text, as: UTF8.self))
        else {
            throw FramingError(detail: "the Content-Length is not a number of bytes; it must be decimal digits")
        }
        return length == 0 ? .none : .length(length)
    }

    private static let note: MHD_KeyValueIteratorN = { context, _, nameStart, nameCount, valueStart, valueCount in
        guard let fields = context?.assumingMemoryBound(to: Fields.self) else { return .YES }
        // Told apart by length first: most fields are neither.
        guard nameCount == 14 || nameCount == 17 else { return .YES }
        let name = UnsafeRawBufferPointer(start: nameStart, count: nameCount)
        let value = UnsafeRawBufferPointer(start: valueStart, count: valueCount)
        if name.equalsIgnoringCase("content-length") {
            if let first = fields.pointee.length, !first.elementsEqual(value) { fields.pointee.lengthsDiffer = true }
            fields.pointee.length = value
            fields.pointee.lengths += 1
        } else if name.equalsIgnoringCase("transfer-encoding") {
            fields.pointee.encoding = value
            fields.pointee.encodings += 1
        }
        return .YES
    }
}
