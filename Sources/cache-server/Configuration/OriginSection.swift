import CacheCore
import ReadThrough

/// An origin that the configuration file names, for the keys that begin alike.
struct OriginSection: Sendable, Equatable, Decodable {
    var prefix: String
    var url: OriginTemplate
    var stripPrefix: Bool?
    /// What is sent with each request beside what every one has.
    var headers: [String: SecretText]
    var ttl: OriginSpan?
    var staleWhileRevalidate: OriginSpan?
    var staleIfError: OriginSpan?
    var negativeTTL: OriginSpan?
    var timeout: OriginSpan?
    var maxConcurrent: Int?
    var maxWaiting: Int?
    var retries: Int?
    var beta: Double?

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case prefix, url, headers, ttl, timeout, retries, beta
        case stripPrefix = "strip_prefix"
        case staleWhileRevalidate = "stale_while_revalidate"
        case staleIfError = "stale_if_error"
        case negativeTTL = "negative_ttl"
        case maxConcurrent = "max_concurrent"
        case maxWaiting = "max_waiting"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        prefix = try container.decode(String.self, forKey: .prefix)
        let template = try container.decode(String.self, forKey: .url)
        do throws(OriginTemplate.SyntaxError) {
            url = try OriginTemplate(template)
        } catch {
            throw Self.wrong(.url, in: container, error.reason)
        }
        stripPrefix = try container.decodeIfPresent(Bool.self, forKey: .stripPrefix)
        headers = try container.decodeIfPresent([String: SecretText].self, forKey: .headers) ?? [:]
        ttl = try container.decodeIfPresent(OriginSpan.self, forKey: .ttl)
        staleWhileRevalidate = try container.decodeIfPresent(OriginSpan.self, forKey: .staleWhileRevalidate)
        staleIfError = try container.decodeIfPresent(OriginSpan.self, forKey: .staleIfError)
        negativeTTL = try container.decodeIfPresent(OriginSpan.self, forKey: .negativeTTL)
        timeout = try container.decodeIfPresent(OriginSpan.self, forKey: .timeout)
        maxConcurrent = try Self.number(.maxConcurrent, in: container, Self.fetches)
        maxWaiting = try Self.number(.maxWaiting, in: container, 0...1_000_000)
        retries = try Self.number(.retries, in: container, 0...10)
        beta = try container.decodeIfPresent(Double.self, forKey: .beta)
        if let timeout, !OriginSpan.timeouts.contains(timeout.duration) {
            throw Self.wrong(.timeout, in: container, "a duration from 10ms to 10m")
        }
        if let beta, !(0...100).contains(beta) { throw Self.wrong(.beta, in: container, "a number from 0 to 100") }
    }

    /// How many loads of an origin there may be at a time.
    static let fetches = 1...10_000

    private static func number(
        _ key: CodingKeys, in container: KeyedDecodingContainer<CodingKeys>, _ bounds: ClosedRange<Int>
    ) throws -> Int? {
        guard let number = try container.decodeIfPresent(Int.self, forKey: key) else { return nil }
        guard bounds.contains(number) else {
            throw wrong(key, in: container, "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }

    private static func wrong(
        _ key: CodingKeys, in container: KeyedDecodingContainer<CodingKeys>, _ requirement: String
    ) -> DecodingError {
        .dataCorrupted(
            .init(codingPath: container.codingPath + [key], debugDescription: "must be \(requirement)"))
    }

    /// RFC 9110, section 5.1.
    private static func isFieldName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0) }
    }

    /// The route that this describes.
    ///
    /// - Throws: ``SettingError`` for a secret that is not where it should be.
    func route() throws(SettingError) -> OriginRoute {
        var route = OriginRoute(prefix: Array(prefix.utf8), template: url)
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
            let value = try value.read()
            guard Self.isFieldName(name), value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw SettingError(
                    "the header \(name) of an origin cannot be sent; it must have a name without blanks, and a value in one line"
                )
            }
            route.headers.append((name: name, value: value))
        }
        if let stripPrefix { route.stripsPrefix = stripPrefix }
        if let ttl { route.timeToLive = ttl.duration == .zero ? nil : ttl.duration }
        if let staleWhileRevalidate { route.staleWhileRevalidate = staleWhileRevalidate.duration }
        if let staleIfError { route.staleIfError = staleIfError.duration }
        if let negativeTTL { route.negativeTimeToLive = negativeTTL.duration }
        if let timeout { route.timeout = timeout.duration }
        if let maxConcurrent { route.mostFetches = maxConcurrent }
        if let maxWaiting { route.mostWaiting = maxWaiting }
        if let retries { route.retries = retries }
        if let beta { route.beta = beta }
        return route
    }
}

/// A duration of an origin, written as in a setting: `"60s"`, a number of seconds, or `"none"`, which is zero.
struct OriginSpan: Sendable, Equatable, Decodable {
    let duration: Duration

    static let syntax = ValueSyntax.orNone(.duration(in: .milliseconds(1)...CacheConfiguration.maximumTTL))
    static let timeouts: ClosedRange<Duration> = .milliseconds(10)...(.seconds(600))

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text: String
        do {
            text = try container.decode(String.self)
        } catch is DecodingError {
            let number: Double
            do {
                number = try container.decode(Double.self)
            } catch is DecodingError {
                throw Self.wrong(decoder)
            }
            text = number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
        }
        guard let value = Self.syntax.parse(text) else { throw Self.wrong(decoder) }
        duration = value ?? .zero
    }

    private static func wrong(_ decoder: any Decoder) -> DecodingError {
        .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "must be \(syntax.requirement)"))
    }
}

extension ServerConfiguration {
    /// The routes that the file describes, and the one that the flags do.
    static func routes(_ sections: [OriginSection], flag: OriginRoute?) throws(SettingError) -> [OriginRoute] {
        var routes: [OriginRoute] = []
        for section in sections {
            let route = try section.route()
            guard !routes.contains(where: { $0.prefix == route.prefix }) else {
                throw SettingError(
                    "two of the \(Sections.origins.key) have the prefix \(quoted(section.prefix)); it must be one")
            }
            routes.append(route)
        }
        guard let flag else { return routes }
        guard !routes.contains(where: { $0.prefix.isEmpty }) else {
            throw SettingError(
                "there are an \(Settings.origin.name.hyphenated) and one of the \(Sections.origins.key) with an empty prefix; "
                    + "it must be one of them")
        }
        return routes + [flag]
    }
}
