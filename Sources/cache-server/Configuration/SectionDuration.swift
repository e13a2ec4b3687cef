import CacheCore

/// A time to live in a section, written as it is in a setting: `"60s"`, or a number of seconds.
struct SectionDuration: Sendable, Equatable, Decodable {
    let duration: Duration

    private static let syntax = ValueSyntax.duration(in: .milliseconds(1)...CacheConfiguration.maximumTTL)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text: String
        do {
            text = try container.decode(String.self)
        } catch is DecodingError {
            text = "\(try container.decode(Int.self))"
        }
        guard let duration = Self.syntax.parse(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "must be \(Self.syntax.requirement)"))
        }
        self.duration = duration
    }
}
