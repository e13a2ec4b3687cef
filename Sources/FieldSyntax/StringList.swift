/// A list of strings in the syntax of structured fields (RFC 9651, sections 3.1 and 3.3.3): `"one", "two"`.
package enum StringList {
    /// Appends the strings of a list.
    ///
    /// - Returns: False if it is no list of strings.
    package static func append(_ field: UnsafeRawBufferPointer, to names: inout [[UInt8]]) -> Bool {
        var rest = field[...]
        skipBlanks(&rest)
        guard !rest.isEmpty else { return true }
        while true {
            guard let name = takeString(&rest), skipParameters(&rest) else { return false }
            names.append(name)
            skipBlanks(&rest)
            guard let comma = rest.popFirst() else { return true }
            guard comma == UInt8(ascii: ",") else { return false }
            skipBlanks(&rest)
            // A comma at the end is an error, as the RFC has it.
            guard !rest.isEmpty else { return false }
        }
    }

    private static func skipBlanks(_ rest: inout Slice<UnsafeRawBufferPointer>) {
        while let byte = rest.first, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { rest.removeFirst() }
    }

    /// Printable ASCII in quotes, where a backslash stands before a quote or a backslash.
    private static func takeString(_ rest: inout Slice<UnsafeRawBufferPointer>) -> [UInt8]? {
        guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
        var string: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return string
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst(), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
                else {
                    return nil
                }
                string.append(escaped)
            case 0x20...0x7E: string.append(byte)
            default: return nil
            }
        }
        return nil
    }

    /// Passes over `;name=value` and `;name`, which mean nothing here; values are tokens, numbers or strings.
    private static func skipParameters(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Bool {
        while rest.first == UInt8(ascii: ";") {
            rest.removeFirst()
            skipBlanks(&rest)
            guard let first = rest.first, isKeyStart(first) else { return false }
            while let byte = rest.first, isKeyByte(byte) { rest.removeFirst() }
            guard rest.first == UInt8(ascii: "=") else { continue }
            rest.removeFirst()
            if rest.first == UInt8(ascii: "\"") {
                guard takeString(&rest) != nil else { return false }
            } else {
                let before = rest.count
                while let byte = rest.first, byte > 0x20, byte < 0x7F, byte != UInt8(ascii: ","),
                    byte != UInt8(ascii: ";"), byte != UInt8(ascii: "\"")
                {
                    rest.removeFirst()
                }
                guard rest.count < before else { return false }
            }
        }
        return true
    }

    private static func isKeyStart(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") || byte == UInt8(ascii: "*")
    }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        isKeyStart(byte) || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }
}
