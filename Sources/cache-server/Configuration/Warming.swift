import CacheCore
import CacheService
import CacheSources

/// What the cache is filled from: the sources that have names, and those of the start.
struct Warming: Sendable {
    let sources: [Warmer.Source]
    let startSources: [Warmer.Source]
    /// Whether the server ends if one of the start fails.
    let isRequired: Bool

    /// - Parameters:
    ///   - sections: The configuration file's, by their names.
    ///   - list: Those of the start: names of these, URLs or paths.
    ///   - origin: Where the list was found, for messages.
    /// - Throws: ``SettingError`` if one is none, or a secret is missing that it needs.
    init(
        sections: [String: SourceSection], atStart list: SourceList?, origin: SettingOrigin?, isRequired: Bool
    ) throws(SettingError) {
        self.isRequired = isRequired
        var named: [Warmer.Source] = []
        for (name, section) in sections.sorted(by: { $0.key < $1.key }) {
            guard !name.isEmpty, !name.contains(where: { $0.isWhitespace || $0 == "/" || $0 == "," }) else {
                throw SettingError(
                    "invalid sources.\(name): the name of a source must have neither spaces, commas nor slashes")
            }
            // Made once now, so that what is wrong is told at the start.
            do throws(CacheError) {
                _ = try section.source()
            } catch {
                throw SettingError("invalid sources.\(name): \(error.message)")
            }
            named.append(Warmer.Source(name: name) { () throws(CacheError) in try section.source() })
        }
        sources = named
        var start: [Warmer.Source] = []
        for text in list?.sources ?? [] {
            if let source = named.first(where: { $0.name == text }) {
                // Once is enough.
                if !start.contains(where: { $0.name == text }) { start.append(source) }
                continue
            }
            do throws(CacheError) {
                let source = try WarmSource(text)
                // Two queries on one database look alike without the queries.
                let alike = start.count { $0.name == source.description || $0.name.hasPrefix("\(source) #") }
                let name = alike == 0 ? source.description : "\(source) #\(alike + 1)"
                start.append(Warmer.Source(name: name) { source })
            } catch {
                // Without the text, which may have a password.
                let place = origin.map { " (\($0))" } ?? ""
                throw SettingError("invalid \(Settings.warm.name.hyphenated)\(place): \(error.message)")
            }
        }
        startSources = start
    }
}

extension SourceSection {
    /// The source, with its secrets as they are now.
    ///
    /// - Throws: ``CacheError``: `invalidConfiguration` if the URL is none, or a secret is missing.
    func source() throws(CacheError) -> WarmSource {
        do throws(SettingError) {
            return try make()
        } catch {
            throw CacheError(.invalidConfiguration, error.description)
        }
    }

    private func make() throws(SettingError) -> WarmSource {
        var secret: String?
        if let password { secret = try password.read() }
        var fields: [(name: String, value: String)] = []
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { fields.append((name, try value.read())) }
        do throws(CacheError) {
            return try WarmSource(url, password: secret, headers: fields, ttl: ttl, keyPrefix: prefix ?? "")
        } catch {
            throw SettingError(error.message)
        }
    }
}
