/// The header fields of a response, in the order in which they were added.
///
/// They are kept as they are sent, `Name: value` and a line break each: a response's fields cost one allocation and are
/// copied as one.
///
/// `Date`, `Connection` and `Content-Length` are not among them: they are added when a response is sent.
public struct HeaderFields: Sendable {
    /// The fields' lines.
    private(set) var text: [UInt8] = []

    public init() {}

    /// Fields that `write` writes as they are sent: `Name: value` and CR LF for each.
    ///
    /// - Parameters:
    ///   - capacity: How many bytes may be written at most.
    ///   - write: Appends the lines: visible ASCII and spaces only, but for the line breaks.
    @inline(__always)
    public init(capacity: Int, _ write: (inout OutputSpan<UInt8>) -> Void) {
        text = [UInt8](capacity: capacity, initializingWith: write)
        assert(text.isEmpty || text.suffix(2) == [0x0D, 0x0A], "the last field does not end with a line break")
    }

    public mutating func add(_ name: StaticString, _ value: StaticString) {
        begin(name)
        text.append(contentsOf: UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
        end()
    }

    /// Adds a field. A control character in the value, which could end it, becomes a space (RFC 9110, section 5.5).
    // A literal is a static string: without this the compiler would take it for this one, which copies it twice.
    @_disfavoredOverload
    public mutating func add(_ name: StaticString, _ value: String) {
        begin(name)
        text.append(contentsOf: value.utf8.lazy.map { Self.isControl($0) ? UInt8(ascii: " ") : $0 })
        end()
    }

    /// Adds all fields of others.
    public mutating func add(_ others: HeaderFields) { text += others.text }

    /// Changes the value of the fields with this name, whatever the case.
    ///
    /// - Complexity: As all of the fields put together.
    public mutating func update(_ name: StaticString, _ change: (String) -> String) {
        let fields = all
        text = []
        for field in fields {
            let value = field.name.lowercased() == "\(name)".lowercased() ? change(field.value) : field.value
            text.append(contentsOf: "\(field.name): \(value)\r\n".utf8)
        }
    }

    /// The value of the first field with this name, whatever the case.
    public subscript(_ name: String) -> String? {
        all.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// All fields.
    public var all: [(name: String, value: String)] {
        text.split(separator: UInt8(ascii: "\n")).map { line in
            let parts = line.dropLast().split(
                separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            return (
                String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1].dropFirst(), as: UTF8.self)
            )
        }
    }

    private static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7F
    }

    private mutating func begin(_ name: StaticString) {
        text.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        text.append(UInt8(ascii: ":"))
        text.append(UInt8(ascii: " "))
    }

    private mutating func end() {
        text.append(UInt8(ascii: "\r"))
        text.append(UInt8(ascii: "\n"))
    }
}
