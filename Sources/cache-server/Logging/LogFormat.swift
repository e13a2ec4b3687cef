import CacheCore
import Logging

/// How a line of the log looks.
enum LogFormat: String, CaseIterable, Sendable {
    /// A line for a person: time, level, message, then `name=value` each.
    case text

    /// A JSON object: `time`, `level`, `message`, then the metadata as members of their own.
    case json

    /// The line without its end. Metadata is in the order of its names, so that the same event is the same text.
    func line(time: String, level: Logger.Level, message: String, metadata: Logger.Metadata) -> String {
        let sorted = metadata.sorted { $0.key < $1.key }
        switch self {
        case .text:
            let level = level.rawValue.uppercased()
            let padding = String(repeating: " ", count: max(0, 8 - level.count))
            return sorted.reduce("\(time) \(level)\(padding) \(message)") { line, item in
                line + " \(item.key)=\(Self.plain(item.value))"
            }
        case .json:
            var line = #"{"time":\#(JSONText.string(time)),"level":"\#(level.rawValue)","message":"#
            line += JSONText.string(message)
            for (name, value) in sorted {
                // No name twice in an object: what would hide one of the three gets another name.
                let name = ["time", "level", "message"].contains(name) ? name + "_" : name
                line += "," + JSONText.string(name) + ":" + JSONText.value(value)
            }
            return line + "}"
        }
    }

    /// A value as it is, or in quotes if it would not read as one word.
    private static func plain(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): word(text)
        case .stringConvertible(let value): word(value.description)
        case .array, .dictionary: JSONText.value(value)
        }
    }

    private static func word(_ text: String) -> String {
        let isWord =
            !text.isEmpty && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7f && $0 != "\"" }
        return isWord ? text : JSONText.string(text)
    }
}

/// JSON of the log's values.
private enum JSONText {
    /// Numbers and truth values as they are, the rest as strings, arrays and objects.
    static func value(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): string(text)
        case .stringConvertible(let value):
            switch value {
            case let number as any BinaryInteger: number.description
            case let number as Double where number.isFinite: number.description
            case let flag as Bool: flag.description
            default: string(value.description)
            }
        case .array(let values): "[" + values.map(Self.value).joined(separator: ",") + "]"
        case .dictionary(let members):
            "{"
                + members.sorted { $0.key < $1.key }.map { string($0.key) + ":" + Self.value($0.value) }
                .joined(separator: ",") + "}"
        }
    }

    /// A string in quotes, escaped.
    static func string(_ text: String) -> String {
        var quoted: [UInt8] = []
        quoted.appendJSONString(text)
        return String(decoding: quoted, as: UTF8.self)
    }
}
