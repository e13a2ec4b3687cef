internal import MicroHTTP

/// Reading `Cache-Control` (RFC 9111, section 5.2).
enum CacheControl {
    /// What the first `max-age` of a request is, without the quotes that it may have; empty if it is nothing; nil if there is
    /// no `max-age`.
    ///
    /// A request may have several fields, which are one list.
    static func maxAge(of head: RequestHead) -> [UInt8]? {
        // Most have none.
        guard head.header("Cache-Control") != nil else { return nil }
        var found: [UInt8]?
        head.forEachHeader("cache-control") { field in
            guard found == nil else { return }
            for directive in Directives(field) where directive.name.equalsIgnoringCase("max-age") {
                found = Array(directive.argument)
                break
            }
        }
        return found
    }
}

/// The directives of a field: `name`, `name=token` or `name="quoted"`, with commas between them.
private struct Directives: Sequence, IteratorProtocol {
    private var rest: BorrowedBytes

    init(_ field: BorrowedBytes) { rest = field }

    mutating func next() -> (name: BorrowedBytes, argument: BorrowedBytes)? {
        while !rest.isEmpty {
            let directive = RequestReading.trimmed(takeDirective())
            guard !directive.isEmpty else { continue }
            guard let equals = directive.firstIndex(of: UInt8(ascii: "=")) else {
                return (directive, UnsafeRawBufferPointer(start: nil, count: 0))
            }
            // White space around the `=` is wrong, which the argument is told by if it has some; but it is meant.
            let name = RequestReading.trimmed(UnsafeRawBufferPointer(rebasing: directive[..<equals]))
            return (name, Self.unquoted(directive.dropping(equals + 1)))
        }
        return nil
    }

    /// What stands before the next comma that is not in quotes.
    private mutating func takeDirective() -> BorrowedBytes {
        var isQuoted = false
        var end = 0
        while end < rest.count, isQuoted || rest[end] != UInt8(ascii: ",") {
            if rest[end] == UInt8(ascii: "\"") { isQuoted.toggle() }
            // A backslash in quotes stands before a character that means nothing.
            if isQuoted, rest[end] == UInt8(ascii: "\\") { end += 1 }
            end += 1
        }
        end = Swift.min(end, rest.count)
        defer { rest = rest.dropping(Swift.min(end + 1, rest.count)) }
        return UnsafeRawBufferPointer(rebasing: rest[..<end])
    }

    private static func unquoted(_ argument: BorrowedBytes) -> BorrowedBytes {
        let quote = UInt8(ascii: "\"")
        guard argument.count >= 2, argument.first == quote, argument.last == quote else { return argument }
        return UnsafeRawBufferPointer(rebasing: argument[1..<argument.count - 1])
    }
}
