import ArgumentParser

/// The flags of the settings, in the sections of the help. Each is read as text, because the same text may come from
/// elsewhere: ``SettingSources`` has the last word.
struct SettingFlags: ParsableArguments {
    @OptionGroup(title: "Network") var network: Network
    @OptionGroup(title: "TLS") var tls: TLS
    @OptionGroup(title: "Access") var access: Access
    @OptionGroup(title: "Cache") var cache: Cache
    @OptionGroup(title: "Warming") var warming: Warming
    @OptionGroup(title: "Read-through") var readThrough: ReadThrough
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
        @Option(Settings.maxConnectionsPerAddress) var maxConnectionsPerAddress: String?
        @Option(Settings.idleTimeout) var idleTimeout: String?
        @Option(Settings.requestTimeout) var requestTimeout: String?
        @Option(Settings.drainTimeout) var drainTimeout: String?
    }

    struct TLS: ParsableArguments {
        @Option(Settings.tlsCert) var tlsCert: String?
        @Option(Settings.tlsKey) var tlsKey: String?
        @Option(Settings.tlsClientCA) var tlsClientCA: String?
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
        @Option(Settings.snapshot) var snapshot: String?
        @Option(Settings.snapshotInterval) var snapshotInterval: String?
    }

    struct Warming: ParsableArguments {
        @Option(Settings.warm) var warm: [String] = []
        @Option(Settings.warmRequired) var warmRequired: String?
    }

    struct ReadThrough: ParsableArguments {
        @Option(Settings.origin) var origin: String?
        @Option(Settings.originTTL) var originTTL: String?
        @Option(Settings.originStaleWhileRevalidate) var originStaleWhileRevalidate: String?
        @Option(Settings.originStaleIfError) var originStaleIfError: String?
        @Option(Settings.originNegativeTTL) var originNegativeTTL: String?
        @Option(Settings.originTimeout) var originTimeout: String?
        @Option(Settings.originMaxFetches) var originMaxFetches: String?
    }

    struct Limits: ParsableArguments {
        @Option(Settings.maxKeyBytes) var maxKeyBytes: String?
        @Option(Settings.maxValueBytes) var maxValueBytes: String?
        @Option(Settings.maxBodyBytes) var maxBodyBytes: String?
        @Option(Settings.maxBulkItems) var maxBulkItems: String?
        @Option(Settings.maxHeaderBytes) var maxHeaderBytes: String?
        @Option(Settings.maxInflightBytes) var maxInflightBytes: String?
    }

    struct Logging: ParsableArguments {
        @Option(Settings.logLevel) var logLevel: String?
        @Option(Settings.logFormat) var logFormat: String?
        @Option(Settings.accessLog) var accessLog: String?
        @Option(Settings.accessLogFile) var accessLogFile: String?
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
            (Settings.maxConnectionsPerAddress.name, network.maxConnectionsPerAddress),
            (Settings.idleTimeout.name, network.idleTimeout),
            (Settings.requestTimeout.name, network.requestTimeout),
            (Settings.drainTimeout.name, network.drainTimeout),
            (Settings.tlsCert.name, tls.tlsCert),
            (Settings.tlsKey.name, tls.tlsKey),
            (Settings.tlsClientCA.name, tls.tlsClientCA),
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
            (Settings.snapshot.name, cache.snapshot),
            (Settings.snapshotInterval.name, cache.snapshotInterval),
            (Settings.warm.name, warming.warm.isEmpty ? nil : SourceList.text(of: warming.warm)),
            (Settings.warmRequired.name, warming.warmRequired),
            (Settings.origin.name, readThrough.origin),
            (Settings.originTTL.name, readThrough.originTTL),
            (Settings.originStaleWhileRevalidate.name, readThrough.originStaleWhileRevalidate),
            (Settings.originStaleIfError.name, readThrough.originStaleIfError),
            (Settings.originNegativeTTL.name, readThrough.originNegativeTTL),
            (Settings.originTimeout.name, readThrough.originTimeout),
            (Settings.originMaxFetches.name, readThrough.originMaxFetches),
            (Settings.maxKeyBytes.name, limits.maxKeyBytes),
            (Settings.maxValueBytes.name, limits.maxValueBytes),
            (Settings.maxBodyBytes.name, limits.maxBodyBytes),
            (Settings.maxBulkItems.name, limits.maxBulkItems),
            (Settings.maxHeaderBytes.name, limits.maxHeaderBytes),
            (Settings.maxInflightBytes.name, limits.maxInflightBytes),
            (Settings.logLevel.name, logging.logLevel),
            (Settings.logFormat.name, logging.logFormat),
            (Settings.accessLog.name, logging.accessLog),
            (Settings.accessLogFile.name, logging.accessLogFile),
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

extension Option where Value == [String] {
    /// The flag of a setting that can be given several times, as the table of settings describes it.
    init(wrappedValue: [String], _ setting: Setting<some Sendable>) {
        self.init(
            wrappedValue: wrappedValue,
            name: .customLong(setting.name.hyphenated), parsing: .singleValue,
            help: ArgumentHelp(setting.help, valueName: setting.syntax.placeholder))
    }
}

extension Option where Value == String? {
    /// The flag of a setting, as the table of settings describes it.
    init(_ setting: Setting<some Sendable>) {
        self.init(
            name: .customLong(setting.name.hyphenated),
            help: ArgumentHelp(setting.help, valueName: setting.syntax.placeholder))
    }
}
