/// The directives of a field such as `Cache-Control` (RFC 9111, section 5.2): `name`, `name=token` or `name="quoted"`, with commas between
/// them.
package struct Directives: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer

    /// - Parameter field: The field's value, which outlives what is read of it.
    package init(_ field: UnsafeRawBufferPointer) { rest = field }

    /// The next one. An argument in quotes comes without them; one that is not there is empty.
    package mutating func next() -> (name: UnsafeRawBufferPointer, argument: UnsafeRawBufferPointer)? {
        while !rest.isEmpty {
            let directive = takeDirective().trimmingBlanks
            guard !directive.isEmpty else { continue }
            guard let equals = directive.firstIndex(of: UInt8(ascii: "=")) else {
                return (directive, UnsafeRawBufferPointer(start: nil, count: 0))
            }
            // White space around the `=` is wrong, which the argument is told by if it has some; but it is meant.
            let name = UnsafeRawBufferPointer(rebasing: directive[..<equals]).trimmingBlanks
            return (name, Self.unquoted(UnsafeRawBufferPointer(rebasing: directive[(equals + 1)...])))
        }
        return nil
    }

    /// What stands before the next comma that is not in quotes.
    private mutating func takeDirective() -> UnsafeRawBufferPointer {
        var isQuoted = false
        var end = 0
        while end < rest.count, isQuoted || rest[end] != UInt8(ascii: ",") {
            if rest[end] == UInt8(ascii: "\"") { isQuoted.toggle() }
            // A backslash in quotes stands before a character that means nothing.
            if isQuoted, rest[end] == UInt8(ascii: "\\") { end += 1 }
            end += 1
        }
        end = Swift.min(end, rest.count)
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[Swift.min(end + 1, rest.count)...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<end])
    }

    private static func unquoted(_ argument: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let quote = UInt8(ascii: "\"")
        guard argument.count >= 2, argument.first == quote, argument.last == quote else { return argument }
        return UnsafeRawBufferPointer(rebasing: argument[1..<argument.count - 1])
    }
}

extension UnsafeRawBufferPointer {
    /// These without the spaces and tabs at both ends.
    package var trimmingBlanks: UnsafeRawBufferPointer {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var rest = self[...]
        while let first = rest.first, isBlank(first) { rest.removeFirst() }
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return UnsafeRawBufferPointer(rebasing: rest)
    }
}
