import CacheService
import Logging
import ReadThrough

/// How the value of a setting is written and read: the same for a flag, an environment variable and a file.
struct ValueSyntax<Value: Sendable>: Sendable {
    /// What stands for the value in the help, without angle brackets.
    let placeholder: String

    /// Completes the sentence "must be …".
    let requirement: String

    /// The value that a text stands for; nil if it stands for none, or for one out of bounds.
    let parse: @Sendable (String) -> Value?

    /// The shortest text that `parse` reads as the value.
    let write: @Sendable (Value) -> String

    /// The value as it stands in the log: sizes in bytes and durations in seconds, as numbers.
    let logged: @Sendable (Value) -> Logger.MetadataValue
}

extension ValueSyntax {
    /// Another syntax, with the word `none` for no value besides.
    static func orNone<Some>(_ syntax: ValueSyntax<Some>) -> Self where Value == Some? {
        Self(
            placeholder: syntax.placeholder,
            requirement: syntax.requirement + ", or none",
            parse: { text in text == "none" ? .some(nil) : syntax.parse(text).map(Optional.some) },
            write: { value in value.map(syntax.write) ?? "none" },
            logged: { value in value.map(syntax.logged) ?? "none" })
    }
}

extension ValueSyntax where Value == String {
    /// A text of at least one character.
    static func text(_ placeholder: String, requirement: String) -> Self {
        Self(
            placeholder: placeholder, requirement: requirement,
            parse: { $0.isEmpty ? nil : $0 }, write: { $0 }, logged: { .string($0) })
    }
}

extension ValueSyntax where Value == Int {
    /// A whole number in decimal digits.
    static func integer(_ placeholder: String = "number", in bounds: ClosedRange<Int>) -> Self {
        Self(
            placeholder: placeholder,
            requirement: "a whole number" + boundsText(bounds, unbounded: .max, write: String.init),
            parse: { text in
                guard !text.isEmpty, text.utf8.allSatisfy(isDigit), let value = Int(text) else { return nil }
                return bounds.contains(value) ? value : nil
            },
            write: { String($0) }, logged: { .stringConvertible($0) })
    }

    /// A number of bytes; see ``ByteSize``.
    static func size(in bounds: ClosedRange<Int>) -> Self {
        Self(
            placeholder: "size",
            requirement: "a size such as 512MiB, 1GB or 65536 (bytes)"
                + boundsText(bounds, unbounded: .max, write: ByteSize.write),
            parse: { text in ByteSize.parse(text).flatMap { bounds.contains($0) ? $0 : nil } },
            write: ByteSize.write, logged: { .stringConvertible($0) })
    }
}

/// Who may use a file: the bits of its mode.
struct FileMode: Sendable, Equatable {
    var bits: Int
}

extension ValueSyntax where Value == FileMode {
    /// A mode in octal digits.
    static let mode = Self(
        placeholder: "mode", requirement: "a mode in octal digits, such as 0660",
        parse: { text in
            guard (1...4).contains(text.utf8.count), let bits = Int(text, radix: 8), (0...0o777).contains(bits) else {
                return nil
            }
            return FileMode(bits: bits)
        },
        write: { octal($0) }, logged: { .string(octal($0)) })

    private static func octal(_ mode: FileMode) -> String {
        let digits = String(mode.bits, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension ValueSyntax where Value == CrossOrigin {
    /// Origins, or a star for any.
    static let origins = Self(
        placeholder: "origins",
        requirement: "origins such as https://app.example with commas between them, or *",
        parse: { CrossOrigin($0) }, write: { $0.text }, logged: { .string($0.text) })
}

extension ValueSyntax where Value == SourceList {
    /// Sources, some with spaces or line breaks between.
    static let sources = Self(
        placeholder: "source",
        requirement: "URLs such as file:///data/items.ndjson, paths, or names of sources in the configuration file",
        parse: { SourceList($0) }, write: { SourceList.text(of: $0.sources) },
        // The URLs may have passwords.
        logged: { .stringConvertible($0.sources.count) })
}

extension ValueSyntax where Value == OriginTemplate {
    /// A URL with `{key}` in it. The log has it without its query, which may have secrets.
    static let originTemplate = Self(
        placeholder: "url",
        requirement:
            "an http:// or https:// URL with one {key} in its path or query, such as https://api.internal/items/{key}",
        parse: { text in
            do throws(OriginTemplate.SyntaxError) { return try OriginTemplate(text) } catch { return nil }
        },
        write: { $0.description }, logged: { .string($0.withoutQuery) })
}

extension ValueSyntax where Value == Duration {
    /// A span of time; see ``DurationText``.
    static func duration(in bounds: ClosedRange<Duration>) -> Self {
        Self(
            placeholder: "duration",
            requirement: "a duration such as 500ms, 30s, 2m, 1h or 30 (seconds)"
                + boundsText(bounds, unbounded: nil, write: DurationText.write),
            parse: { text in DurationText.parse(text).flatMap { bounds.contains($0) ? $0 : nil } },
            write: DurationText.write,
            logged: { duration in
                let (seconds, attoseconds) = duration.components
                return attoseconds == 0 ? .stringConvertible(seconds) : .stringConvertible(duration / .seconds(1))
            })
    }
}

extension ValueSyntax where Value: CaseIterable & RawRepresentable<String>, Value.AllCases: Sendable {
    /// One of the words of an enumeration.
    static func word(_ placeholder: String) -> Self {
        Self(
            placeholder: placeholder,
            requirement: "one of \(words(of: Value.self))",
            parse: { Value(rawValue: $0) }, write: { $0.rawValue }, logged: { .string($0.rawValue) })
    }
}

/// The words that stand for the cases of an enumeration, as a list for a message.
func words<Cases: CaseIterable & RawRepresentable<String>>(of type: Cases.Type) -> String {
    type.allCases.map(\.rawValue).joined(separator: ", ")
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

private func boundsText<Bound: Comparable>(
    _ bounds: ClosedRange<Bound>, unbounded: Bound?, write: (Bound) -> String
) -> String {
    bounds.upperBound == unbounded
        ? ", at least \(write(bounds.lowerBound))"
        : " from \(write(bounds.lowerBound)) to \(write(bounds.upperBound))"
}
