internal import CMicroHTTPD
internal import Glibc

/// Why a request's head is refused.
struct HeadError: Error {
    enum Reason {
        /// It cannot be told for sure what it says, or where the request ends.
        case malformed
        case tooLarge
    }

    let reason: Reason
    let detail: String

    init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }
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
        var hosts = 0
        var isHostBroken = false
        var cookieBytes = 0
        var marks: HeadMarks = []
        var fault: StaticString?
        /// Where the line before ends.
        var lineEnd: UnsafePointer<CChar>
    }

    /// Reads where a request ends, and notes which fields it has.
    ///
    /// - Parameters:
    ///   - method: The first part of the request's line, in the buffer that the head arrived in.
    ///   - version: The last part.
    ///   - headBytes: How many bytes the head has.
    ///   - bounds: How large it may be.
    static func read(
        _ connection: OpaquePointer, method: UnsafePointer<CChar>, version: UnsafePointer<CChar>, headBytes: Int,
        bounds: HeadBounds
    ) throws(HeadError) -> (framing: BodyFraming, marks: HeadMarks) {
        let end = method + headBytes
        var fields = Fields(lineEnd: version + strlen(version))
        let count = withUnsafeMutablePointer(to: &fields) { fields in
            MHD_get_connection_values_n(connection, .HEADER_KIND, note, fields)
        }
        if let fault = fields.fault { throw HeadError(.malformed, "\(fault)") }
        if fields.cookieBytes == 0 {
            try bounds.check(bytes: headBytes, fields: Int(count))
        } else {
            try bounds.check(
                bytes: headBytes + fields.cookieBytes, fields: Int(count + mhd_count(connection, .COOKIE_KIND)))
        }
        // In place of each line's end there are NULs now.
        guard memchr(method, CInt(UInt8(ascii: "\r")), headBytes) == nil else {
            throw HeadError(
                .malformed,
                "the head has a carriage return in the midst of a line; it may stand before a line feed only")
        }
        // The last line's end and the empty line: a field without a name ends the head early for the library.
        guard [2, 4].contains(end - fields.lineEnd) else { throw HeadError(.malformed, "\(Self.notAField)") }
        // RFC 9112, section 3.2: one Host, which HTTP/1.0 may leave out.
        guard fields.hosts == 1 || fields.hosts == 0 && strcmp(version, "HTTP/1.0") == 0 else {
            throw HeadError(.malformed, "the request has \(fields.hosts) Host fields; it must have one")
        }
        guard !fields.isHostBroken else {
            throw HeadError(
                .malformed,
                "the Host has a character that no host's name has; it must be a name or an address, and a port")
        }
        if fields.encodings > 0 {
            guard fields.lengths == 0 else {
                throw HeadError(
                    .malformed, "the request has both Content-Length and Transfer-Encoding; it may have one of them")
            }
            // RFC 9112, section 6.1: HTTP/1.0 knows none, and whoever hands it on may not have read it.
            guard strcmp(version, "HTTP/1.0") != 0 else {
                throw HeadError(
                    .malformed,
                    "the request of HTTP/1.0 has a Transfer-Encoding; it must have a Content-Length in its place")
            }
            guard fields.encodings == 1, let encoding = fields.encoding, encoding.equalsIgnoringCase("chunked") else {
                throw HeadError(
                    .malformed, "the Transfer-Encoding is not understood; it must be chunked, with nothing behind it")
            }
            return (.chunked, fields.marks)
        }
        guard let text = fields.length else { return (.none, fields.marks) }
        guard !fields.lengthsDiffer else {
            throw HeadError(.malformed, "the request has several values of Content-Length; it may have one")
        }
        guard !text.isEmpty, text.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            let length = Int(String(decoding: text, as: UTF8.self))
        else {
            throw HeadError(.malformed, "the Content-Length is not a number of bytes; it must be decimal digits")
        }
        return (length == 0 ? .none : .length(length), fields.marks)
    }

    private static let note: MHD_KeyValueIteratorN = { context, _, nameStart, nameCount, valueStart, valueCount in
        guard let fields = context?.assumingMemoryBound(to: Fields.self) else { return .YES }
        let name = UnsafeRawBufferPointer(start: nameStart, count: nameCount)
        if let fault = fault(name, valueStart, after: fields.pointee.lineEnd) {
            fields.pointee.fault = fault
            return .NO
        }
        if let valueStart { fields.pointee.lineEnd = valueStart + valueCount }
        fields.pointee.marks.formUnion(HeadMarks(of: name))
        // Told apart by length first: most fields are none of these.
        guard nameCount == 4 || nameCount == 14 || nameCount == 17 || nameCount == 6 else { return .YES }
        let value = UnsafeRawBufferPointer(start: valueStart, count: valueCount)
        if name.equalsIgnoringCase("host") {
            fields.pointee.hosts += 1
            if !ByteSet.host.isAll(of: value) { fields.pointee.isHostBroken = true }
        } else if name.equalsIgnoringCase("content-length") {
            if let first = fields.pointee.length, !first.elementsEqual(value) { fields.pointee.lengthsDiffer = true }
            fields.pointee.length = value
            fields.pointee.lengths += 1
        } else if name.equalsIgnoringCase("transfer-encoding") {
            fields.pointee.encoding = value
            fields.pointee.encodings += 1
        } else if name.equalsIgnoringCase("cookie") {
            fields.pointee.cookieBytes += valueCount
        }
        return .YES
    }

    private static let notAField: StaticString =
        "a header field has no name, or a NUL byte in it; it must be a name, a colon and a value"

    /// What is wrong with a field, whatever it is about. The library takes such fields, and others read them in other ways:
    /// a `Content-Length` could hide from one of two readers.
    private static func fault(
        _ name: UnsafeRawBufferPointer, _ value: UnsafePointer<CChar>?, after lineEnd: UnsafePointer<CChar>
    ) -> StaticString? {
        guard let first = name.first, let last = name.last, let start = name.baseAddress, let value else {
            return notAField
        }
        guard !isBlank(first), !isBlank(last) else {
            return "a header field has white space around its name; the name must stand directly before the colon"
        }
        guard ByteSet.token.isAll(of: name) else {
            return
                "a header field's name has a character that no name has; it must be letters, digits and !#$%&'*+-.^_`|~"
        }
        // Fields lie in the buffer as they came, with the colon and blanks between name and value: but not when the value went
        // on in the next line, because then the library has put the name elsewhere.
        let gap = UnsafeRawPointer(value) - (start + name.count)
        guard gap > 0, gap < 1 << 16,
            (1..<gap).allSatisfy({ isBlank(start.load(fromByteOffset: name.count + $0, as: UInt8.self)) })
        else {
            return "a header field goes on in the next line; it must be on one line"
        }
        // What stands behind a NUL is lost to the library's C strings.
        guard [1, 2].contains(start - UnsafeRawPointer(lineEnd)) else { return notAField }
        return nil
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
