/// A setting: what it is called in each place it can come from, what it means, how it is written, what it is by itself.
///
/// The one description of an option. The flags and their help, the environment variables, the keys of the file, the
/// defaults, the bounds and the messages about bad values all come from it.
struct Setting<Value: Sendable>: Sendable {
    let name: SettingName

    /// What it does, for the help: a few words without a full stop.
    let summary: String

    let syntax: ValueSyntax<Value>

    /// The default in words, for the help.
    let defaultText: String

    /// The default on a given machine.
    let defaultValue: @Sendable (Machine) -> Value

    /// A setting whose default is the same everywhere.
    init(_ name: SettingName, _ summary: String, _ syntax: ValueSyntax<Value>, default value: Value) {
        self.init(name, summary, syntax, default: syntax.write(value)) { _ in value }
    }

    /// A setting whose default depends on the machine.
    init(
        _ name: SettingName, _ summary: String, _ syntax: ValueSyntax<Value>, default text: String,
        on machine: @escaping @Sendable (Machine) -> Value
    ) {
        self.name = name
        self.summary = summary
        self.syntax = syntax
        self.defaultText = text
        self.defaultValue = machine
    }

    /// What the help says behind the flag.
    var help: String { "\(summary) (env: \(name.environmentVariable), default: \(defaultText))" }
}

/// The words of a setting's name, and the form they take in each place.
struct SettingName: Hashable, Sendable, ExpressibleByStringLiteral {
    /// With hyphens: `max-memory`.
    let hyphenated: String

    init(stringLiteral value: String) { hyphenated = value }

    /// `--max-memory`
    var flag: String { "--" + hyphenated }

    /// `CACHE_MAX_MEMORY`
    var environmentVariable: String { "CACHE_" + key.uppercased() }

    /// `max_memory`: the member of the configuration file, and of the line in the log.
    var key: String { String(hyphenated.map { $0 == "-" ? "_" : $0 }) }
}
