import FoundationEssentials

/// A text that no one should read in a log: in the configuration file itself, or in an environment variable or a file that it names, as
/// `{"env": "NAME"}` or `{"file": "/run/secrets/name"}`.
///
/// It never prints what it is.
struct SecretText: Sendable, Equatable, Decodable, CustomStringConvertible, CustomReflectable {
    private enum Place: Sendable, Equatable {
        case here(String)
        case environment(String)
        case file(String)
    }

    private let place: Place

    init(_ text: String) { place = .here(text) }
    init(environmentVariable name: String) { place = .environment(name) }
    init(file path: String) { place = .file(path) }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case env, file
    }

    init(from decoder: any Decoder) throws {
        switch try decoder.textOrObject(keyedBy: CodingKeys.self, otherwise: Self.requirement) {
        case .text(let text): place = .here(text)
        case .object(let container):
            let name = try container.decodeIfPresent(String.self, forKey: .env)
            let path = try container.decodeIfPresent(String.self, forKey: .file)
            switch (name, path) {
            case (let name?, nil) where !name.isEmpty: place = .environment(name)
            case (nil, let path?) where !path.isEmpty: place = .file(path)
            default:
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "must be \(Self.requirement)"))
            }
        }
    }

    private static let requirement = #"a string, {"env": "NAME"} or {"file": "/path"}"#

    /// The text, read anew at each call; of a file without the line feed at its end.
    ///
    /// - Throws: ``SettingError`` with what is missing: the name of the variable or file, never what is in it.
    func read(environment: [String: String] = ProcessInfo.processInfo.environment) throws(SettingError) -> String {
        switch place {
        case .here(let text): return text
        case .environment(let name):
            guard let text = environment[name], !text.isEmpty else {
                throw SettingError("the environment variable \(name) is not set; a secret is to be in it")
            }
            return text
        case .file(let path):
            let contents: [UInt8]
            do throws(SystemError) {
                contents = try File.contents(of: path)
            } catch {
                throw SettingError("cannot read the secret in \(path): \(error)")
            }
            let line = contents.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
            guard !line.isEmpty else { throw SettingError("the file \(path) is empty; a secret is to be in it") }
            return String(decoding: line, as: UTF8.self)
        }
    }

    var description: String { "…" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
