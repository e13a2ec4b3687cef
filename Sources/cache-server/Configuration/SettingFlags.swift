import ArgumentParser

/// The flags of the settings, in the sections of the help. Each is read as text, because the same text may come from
/// elsewhere: ``SettingSources`` has the last word.
struct SettingFlags: ParsableArguments {
    @OptionGroup(title: "Network") var network: Network
    @OptionGroup(title: "Access") var access: Access
    @OptionGroup(title: "Cache") var cache: Cache
    @OptionGroup(title: "Limits of a request") var limits: Limits
    @OptionGroup(title: "Logging") var logging: Logging
    @OptionGroup(title: "Configuration") var configuration: ConfigurationFlag

    struct Network: ParsableArguments {
        @Option(Settings.host) var host: String?
        @Option(Settings.port) var port: String?
        @Option(Settings.socket) var socket: String?
        @Option(Settings.socketMode) var socketMode: String?
        @Option(Settings.threads) var threads: String?
        @Option(Settings.maxConnections) var maxConnections: String?
        @Option(Settings.idleTimeout) var idleTimeout: String?
        @Option(Settings.requestTimeout) var requestTimeout: String?
        @Option(Settings.drainTimeout) var drainTimeout: String?
    }

    struct Access: ParsableArguments {
        @Option(Settings.authTokens) var authTokens: String?
        @Option(Settings.publicMetrics) var publicMetrics: String?
        @Option(Settings.rateLimit) var rateLimit: String?
        @Option(Settings.rateBurst) var rateBurst: String?
        @Option(Settings.corsOrigin) var corsOrigin: String?
    }

    struct Cache: ParsableArguments {
        @Option(Settings.capacity) var capacity: String?
        @Option(Settings.maxMemory) var maxMemory: String?
        @Option(Settings.eviction) var eviction: String?
        @Option(Settings.defaultTTL) var defaultTTL: String?
        @Option(Settings.ttlJitter) var ttlJitter: String?
    }

    struct Limits: ParsableArguments {
        @Option(Settings.maxKeyBytes) var maxKeyBytes: String?
        @Option(Settings.maxValueBytes) var maxValueBytes: String?
        @Option(Settings.maxBodyBytes) var maxBodyBytes: String?
        @Option(Settings.maxBulkItems) var maxBulkItems: String?
        @Option(Settings.maxInflightBytes) var maxInflightBytes: String?
    }

    struct Logging: ParsableArguments {
        @Option(Settings.logLevel) var logLevel: String?
        @Option(Settings.logFormat) var logFormat: String?
    }

    /// The flags that were given.
    var given: [SettingName: String] {
        let flags: [(SettingName, String?)] = [
            (Settings.host.name, network.host),
            (Settings.port.name, network.port),
            (Settings.socket.name, network.socket),
            (Settings.socketMode.name, network.socketMode),
            (Settings.threads.name, network.threads),
            (Settings.maxConnections.name, network.maxConnections),
            (Settings.idleTimeout.name, network.idleTimeout),
            (Settings.requestTimeout.name, network.requestTimeout),
            (Settings.drainTimeout.name, network.drainTimeout),
            (Settings.authTokens.name, access.authTokens),
            (Settings.publicMetrics.name, access.publicMetrics),
            (Settings.rateLimit.name, access.rateLimit),
            (Settings.rateBurst.name, access.rateBurst),
            (Settings.corsOrigin.name, access.corsOrigin),
            (Settings.capacity.name, cache.capacity),
            (Settings.maxMemory.name, cache.maxMemory),
            (Settings.eviction.name, cache.eviction),
            (Settings.defaultTTL.name, cache.defaultTTL),
            (Settings.ttlJitter.name, cache.ttlJitter),
            (Settings.maxKeyBytes.name, limits.maxKeyBytes),
            (Settings.maxValueBytes.name, limits.maxValueBytes),
            (Settings.maxBodyBytes.name, limits.maxBodyBytes),
            (Settings.maxBulkItems.name, limits.maxBulkItems),
            (Settings.maxInflightBytes.name, limits.maxInflightBytes),
            (Settings.logLevel.name, logging.logLevel),
            (Settings.logFormat.name, logging.logFormat),
        ]
        return flags.reduce(into: configuration.given) { given, flag in given[flag.0] = flag.1 }
    }
}

/// The flag that names the file, alone, for commands that need few of the others.
struct ConfigurationFlag: ParsableArguments {
    @Option(Settings.config) var config: String?

    /// The flag if it was given.
    var given: [SettingName: String] { config.map { [Settings.config.name: $0] } ?? [:] }
}

extension Option where Value == String? {
    /// The flag of a setting, as the table of settings describes it.
    init(_ setting: Setting<some Sendable>) {
        self.init(
            name: .customLong(setting.name.hyphenated),
            help: ArgumentHelp(setting.help, valueName: setting.syntax.placeholder))
    }
}
