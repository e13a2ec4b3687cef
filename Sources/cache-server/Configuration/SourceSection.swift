/// A source that the configuration file names: its URL alone, or with what goes with it.
struct SourceSection: Sendable, Equatable, Decodable {
    var url: String
    /// What is sent with requests for an `https` or `http` source.
    var headers: [String: SecretText] = [:]
    /// What a database is opened with, in the place of a password in the URL.
    var password: SecretText?
    /// How long items live of which the source does not say it; nil for the cache's default.
    var ttl: Duration?
    /// What is put before every key.
    var prefix: String?

    init(url: String) { self.url = url }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case url, headers, password, ttl, prefix
    }

    init(from decoder: any Decoder) throws {
        switch try decoder.textOrObject(
            keyedBy: CodingKeys.self,
            otherwise: #"a URL, a path or an object such as {"url": "file:///items.ndjson"}"#)
        {
        case .text(let url): self.init(url: url)
        case .object(let container):
            self.init(url: try container.decode(String.self, forKey: .url))
            headers = try container.decodeIfPresent([String: SecretText].self, forKey: .headers) ?? [:]
            password = try container.decodeIfPresent(SecretText.self, forKey: .password)
            prefix = try container.decodeIfPresent(String.self, forKey: .prefix)
            if let text = try container.decodeIfPresent(SectionDuration.self, forKey: .ttl) { ttl = text.duration }
        }
    }
}
