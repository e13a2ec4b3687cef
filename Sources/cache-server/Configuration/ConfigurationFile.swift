import CacheCore

/// The settings in a JSON file: an object whose members are settings' keys with strings, numbers or null.
///
/// Null is the same as leaving the member out.
struct ConfigurationFile: Sendable, Equatable {
    /// A file that holds no settings: the reason, in one line.
    struct ReadError: Error, Equatable {
        let reason: String
    }

    /// What each setting in the file is set to, in the syntax that flags have too.
    private(set) var texts: [SettingName: String] = [:]

    /// Reads the file at `path`, which may set any of `settings`.
    init(path: String, settings: [SettingName]) throws(ReadError) {
        let json: [UInt8]
        do throws(SystemError) {
            json = try File.contents(of: path)
        } catch {
            throw ReadError(reason: "cannot read \(path): \(error)")
        }
        try self.init(json: json, path: path, settings: settings)
    }

    /// Reads the text of a file; `path` is for messages only.
    init(json: [UInt8], path: String, settings: [SettingName]) throws(ReadError) {
        for (key, value) in try Self.members(of: json, path: path) {
            guard let setting = settings.first(where: { $0.key == key }) else {
                let nearest = settings.map(\.key).min { $0.editDistance(to: key) < $1.editDistance(to: key) } ?? ""
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

    private enum Value {
        case text(String)
        case none
        case other(String)
    }

    private static func members(of json: [UInt8], path: String) throws(ReadError) -> [(key: String, value: Value)] {
        // The document reads from the padded copy, and is gone before it.
        let padded = json + [UInt8](repeating: 0, count: JSONDocument.padding)
        let members: Result<[(key: String, value: Value)], ReadError> = padded.withUnsafeBytes { bytes in
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
            var members: [(String, Value)] = []
            var next = document.firstChild(of: document.root)
            while let name = next, let content = document.nextSibling(of: name) {
                members.append((text(of: name, in: document), value(of: content, in: document)))
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
