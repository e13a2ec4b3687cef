import Configuration

/// Where settings come from, the strongest first: flags, environment variables, the configuration file.
struct SettingSources: Sendable {
    private struct Source {
        let provider: any ConfigProvider
        let origin: @Sendable (SettingName) -> SettingOrigin
    }

    private var sources: [Source]
    /// nil if there is none.
    private var file: ConfigurationFile?

    /// Brings the three together, and reads the configuration file if a flag or the environment names one.
    ///
    /// An environment variable that is empty counts as not set, because that is what a container's template leaves.
    ///
    /// - Throws: ``SettingError`` if the file cannot be read, is not an object of strings and numbers, or has a key that
    ///   is no setting.
    init(flags: [SettingName: String], environment: [String: String]) throws(SettingError) {
        sources = [
            Source(provider: Self.provider("flags", flags)) { .flag($0) },
            Source(provider: EnvironmentVariablesProvider(environmentVariables: environment.filter { !$1.isEmpty })) {
                .environmentVariable($0)
            },
        ]
        guard let (path, origin) = try text(of: Settings.config.name) else { return }
        let file: ConfigurationFile
        do throws(ConfigurationFile.ReadError) {
            file = try ConfigurationFile(path: path, settings: Settings.names, sections: Sections.keys)
        } catch {
            throw SettingError("\(error.reason) (\(origin))")
        }
        sources.append(Source(provider: Self.provider(path, file.texts)) { .file(path, $0) })
        self.file = file
    }

    /// What a section of the configuration file says; nil if there is no such section.
    ///
    /// - Throws: ``SettingError`` with its place if it is not what it should be.
    func value<Content>(of section: Section<Content>) throws(SettingError) -> Content? {
        do throws(ConfigurationFile.ReadError) {
            return try file?.value(of: section)
        } catch {
            throw SettingError(error.reason)
        }
    }

    /// The text that was given for a setting, and where it was.
    ///
    /// - Throws: ``SettingError`` if a provider has the key, but not as text; none of these three does.
    func text(of name: SettingName) throws(SettingError) -> (text: String, origin: SettingOrigin)? {
        for source in sources {
            let origin = source.origin(name)
            do {
                let found = try source.provider.value(forKey: AbsoluteConfigKey(name), type: .string)
                if case .string(let text)? = found.value?.content { return (text, origin) }
            } catch {
                throw SettingError("invalid \(name.hyphenated) (\(origin)): \(error)")
            }
        }
        return nil
    }

    /// The value that was given for a setting; nil if none was.
    ///
    /// - Throws: ``SettingError`` if the text that was given does not stand for a value.
    func value<Value>(of setting: Setting<Value>) throws(SettingError) -> Value? {
        guard let (text, origin) = try text(of: setting.name) else { return nil }
        guard let value = setting.syntax.parse(text) else {
            throw SettingError(
                "invalid \(setting.name.hyphenated) \(quoted(text)) (\(origin)): must be \(setting.syntax.requirement)")
        }
        return value
    }

    private static func provider(_ name: String, _ texts: [SettingName: String]) -> InMemoryProvider {
        let values = texts.map { (AbsoluteConfigKey($0), ConfigValue(.string($1), isSecret: false)) }
        return InMemoryProvider(name: name, values: Dictionary(uniqueKeysWithValues: values))
    }
}

/// The place that a setting's value was found in.
enum SettingOrigin: Sendable, Equatable, CustomStringConvertible {
    case flag(SettingName)
    case environmentVariable(SettingName)
    case file(String, SettingName)

    var description: String {
        switch self {
        case .flag(let name): "flag \(name.flag)"
        case .environmentVariable(let name): "environment variable \(name.environmentVariable)"
        case .file(let path, let name): "key \(quoted(name.key)) in \(path)"
        }
    }
}

/// A setting that the server cannot run with: what is wrong, where it was found and what would be right, in one line.
struct SettingError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension AbsoluteConfigKey {
    /// The name under the prefix that every environment variable has.
    init(_ name: SettingName) { self.init(["cache", name.key], context: [:]) }
}

/// A text from outside, fit for one line of a message: in quotes, escaped, and cut if it is long.
func quoted(_ text: String) -> String {
    text.count <= 60 ? text.debugDescription : String(text.prefix(60)).debugDescription + "…"
}
