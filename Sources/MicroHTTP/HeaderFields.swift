/// The header fields of a response, in the order in which they were added.
///
/// They are kept as C strings one behind the other, `name NUL value NUL …`, ready for libmicrohttpd: a response's
/// headers cost one allocation.
public struct HeaderFields: Sendable {
    private(set) var storage: [UInt8] = []

    public init() {}

    /// Makes room for that many bytes of names and values.
    public init(byteCount: Int) { storage.reserveCapacity(byteCount) }

    public mutating func add(_ name: StaticString, _ value: StaticString) {
        begin(name)
        storage.append(contentsOf: UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
        storage.append(0)
    }

    /// Adds a field. A control character in the value, which could end it, becomes a space (RFC 9110, section 5.5).
    // A literal is a static string: without this the compiler would take it for this one, which copies it twice.
    @_disfavoredOverload
    public mutating func add(_ name: StaticString, _ value: String) {
        begin(name)
        storage.append(contentsOf: value.utf8.lazy.map { Self.isControl($0) ? UInt8(ascii: " ") : $0 })
        storage.append(0)
    }

    /// Adds a field whose value `write` appends: visible ASCII and spaces only.
    @inline(__always)
    public mutating func add(_ name: StaticString, _ write: (inout [UInt8]) -> Void) {
        begin(name)
        let start = storage.count
        write(&storage)
        assert(!storage[start...].contains(where: Self.isControl), "a control character in the value of \(name)")
        storage.append(0)
    }

    /// The value of the first field with this name, whatever the case.
    public subscript(_ name: String) -> String? {
        all.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// All fields.
    public var all: [(name: String, value: String)] {
        let texts = storage.split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        return stride(from: 0, to: texts.count - 1, by: 2).map { (texts[$0], texts[$0 + 1]) }
    }

    private static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7F
    }

    private mutating func begin(_ name: StaticString) {
        storage.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        storage.append(0)
    }
}

extension HeaderFields {
    /// Calls `body` with each name and value as C strings, which are valid until it returns.
    @inline(__always)
    func forEachCString(_ body: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Void) {
        storage.withUnsafeBytes { bytes in
            // Invariant: `storage` is pairs of texts that end with NUL, so each scan ends within it.
            var offset = 0
            func next() -> UnsafePointer<CChar> {
                let text = (bytes.baseAddress! + offset).assumingMemoryBound(to: CChar.self)
                while bytes[offset] != 0 { offset += 1 }
                offset += 1
                return text
            }
            while offset < bytes.count {
                let name = next()
                body(name, next())
            }
        }
    }
}
