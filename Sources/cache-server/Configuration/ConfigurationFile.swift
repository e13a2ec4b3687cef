import CacheCore
import FoundationEssentials

/// The settings in a JSON file: an object whose members are settings' keys with strings, numbers or null, and sections, which are JSON
/// of their own kinds.
///
/// Null is the same as leaving the member out.
struct ConfigurationFile: Sendable, Equatable {
    /// A file that holds no settings: the reason, in one line.
    struct ReadError: Error, Equatable {
        let reason: String
    }

    /// What each setting in the file is set to, in the syntax that flags have too.
    private(set) var texts: [SettingName: String] = [:]

    /// The JSON of each section in the file, by its key.
    private var sections: [String: [UInt8]] = [:]
    private let path: String

    /// Reads the file at `path`, which may set any of `settings` and have any of `sections`.
    init(path: String, settings: [SettingName], sections: [String]) throws(ReadError) {
        let json: [UInt8]
        do throws(SystemError) {
            json = try File.contents(of: path)
        } catch {
            throw ReadError(reason: "cannot read \(path): \(error)")
        }
        try self.init(json: json, path: path, settings: settings, sections: sections)
    }

    /// Reads the text of a file; `path` is for messages only.
    init(json: [UInt8], path: String, settings: [SettingName], sections: [String] = []) throws(ReadError) {
        self.path = path
        for (key, value, source) in try Self.members(of: json, path: path) {
            if sections.contains(key) {
                if case .none = value { continue }
                guard self.sections.updateValue(source, forKey: key) == nil else {
                    throw ReadError(reason: "the key \(quoted(key)) stands twice in \(path)")
                }
                continue
            }
            guard let setting = settings.first(where: { $0.key == key }) else {
                let nearest = key.nearest(of: settings.map(\.key) + sections)
                throw ReadError(reason: "unknown key \(quoted(key)) in \(path): did you mean \(quoted(nearest))?")
            }
            switch value {
            case .text(let text):
                guard texts.updateValue(text, forKey: setting) == nil else {
                    throw ReadError(reason: "the key \(quoted(key)) stands twice in \(path)")
                }
            case .none: break
            case .other(let type):
                throw ReadError(
                    reason: "invalid value of key \(quoted(key)) in \(path): must be a string or a number, not \(type)")
            }
        }
    }

    /// What a section says; nil if the file has none of that key.
    ///
    /// - Throws: ``ReadError`` with the place in the file, where it is not what the section's type reads.
    func value<Content>(of section: Section<Content>) throws(ReadError) -> Content? {
        guard let json = sections[section.key] else { return nil }
        do {
            try SectionSyntax.checkForTwins(json)
            return try JSONDecoder().decode(Content.self, from: Data(json))
        } catch let error as DecodingError {
            throw ReadError(reason: "\(SectionSyntax.describe(error, in: section.key)) (\(path))")
        } catch {
            throw ReadError(reason: "invalid \(section.key): \(error) (\(path))")
        }
    }

    private typealias Member = (key: String, value: Value, source: [UInt8])

    private enum Value {
        case text(String)
        case none
        case other(String)
    }

    private static func members(of json: [UInt8], path: String) throws(ReadError) -> [Member] {
        // The document reads from the padded copy, and is gone before it.
        let padded = json + [UInt8](repeating: 0, count: JSONDocument.padding)
        let members: Result<[Member], ReadError> = padded.withUnsafeBytes { bytes in
            var document = JSONDocument()
            do throws(JSONSyntaxError) {
                try document.parse(UnsafeRawBufferPointer(rebasing: bytes[..<json.count]))
            } catch {
                let place = place(of: error.offset, in: json)
                return .failure(ReadError(reason: "\(path) is not valid JSON: \(error.reason), at \(place)"))
            }
            guard document.kind(of: document.root) == .object else {
                return .failure(ReadError(reason: #"\#(path) must be a JSON object such as {"port": 8080}"#))
            }
            var members: [Member] = []
            var next = document.firstChild(of: document.root)
            while let name = next, let content = document.nextSibling(of: name) {
                members.append(
                    (
                        text(of: name, in: document), value(of: content, in: document),
                        Array(document.source(of: content))
                    ))
                next = document.nextSibling(of: content)
            }
            return .success(members)
        }
        return try members.get()
    }

    private static func value(of node: JSONNode, in document: borrowing JSONDocument) -> Value {
        switch document.kind(of: node) {
        case .string: .text(text(of: node, in: document))
        case .number: .text(String(decoding: document.source(of: node), as: UTF8.self))
        case .null: .none
        case .bool: .other(String(decoding: document.source(of: node), as: UTF8.self))
        case .array: .other("an array")
        case .object: .other("an object")
        }
    }

    /// A string's content; what is in its quotes, if that says half of a surrogate pair and so is no text.
    private static func text(of node: JSONNode, in document: borrowing JSONDocument) -> String {
        var content: [UInt8] = []
        guard document.appendUnescaped(node, to: &content) else {
            return String(decoding: document.source(of: node).dropFirst().dropLast(), as: UTF8.self)
        }
        return String(decoding: content, as: UTF8.self)
    }

    /// Where an editor shows the byte at `offset`.
    private static func place(of offset: Int, in json: [UInt8]) -> String {
        let lines = json.prefix(offset).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return "line \(max(1, lines.count)), column \((lines.last?.count ?? 0) + 1)"
    }
}

extension String {
    /// The one of `candidates` that this is most like.
    func nearest(of candidates: [String]) -> String {
        candidates.min { $0.editDistance(to: self) < $1.editDistance(to: self) } ?? ""
    }

    /// How many characters must be put in, taken out or replaced to make `other` of this.
    ///
    /// - Complexity: the product of the lengths.
    func editDistance(to other: String) -> Int {
        let other = Array(other)
        var row = Array(0...other.count)
        for (index, character) in self.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in other.indices {
                let substituted = diagonal + (character == other[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = Swift.min(substituted, diagonal + 1, row[column] + 1)
            }
        }
        return row[other.count]
    }
}
