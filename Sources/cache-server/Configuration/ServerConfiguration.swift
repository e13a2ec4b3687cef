import CacheCore
import CacheService
import Logging
import MicroHTTP
import ReadThrough

/// Everything that the server is told: the value of each setting, from wherever it came.
struct ServerConfiguration: Sendable {
    let cache: CacheConfiguration
    private(set) var http: HTTPServerConfiguration
    let limits: ServiceLimits
    let drainTimeout: Duration
    /// Where the certificates are; nil for plain HTTP.
    let tlsFiles: TLSFiles?
    /// Where the tokens are that clients need; nil if they need none.
    let tokenFile: TokenFile?
    let hasPublicMetrics: Bool
    let crossOrigin: CrossOrigin?
    /// Where the snapshot is, and how often it is written beside at the end; nil for no snapshot.
    let snapshotPath: String?
    let snapshotInterval: Duration?
    /// What the cache is filled from.
    let warming: Warming
    /// Where missing values come from.
    let origins: [OriginRoute]
    let rateLimiter: RateLimiter?
    let logLevel: Logger.Level
    let logFormat: LogFormat
    /// How a line for each request looks; nil for no such lines.
    let accessLogFormat: AccessLog.Format?
    /// Where these lines go; nil for standard output.
    let accessLogFile: String?

    /// The value of every setting by its key, as a line of the log tells it.
    let effective: Logger.Metadata

    /// Settles every setting: what the sources give, else the default on that machine.
    ///
    /// - Throws: ``SettingError`` for the first one, in the order of the table, that is no value of its kind.
    init(from sources: SettingSources, on machine: Machine) throws(SettingError) {
        var effective: Logger.Metadata = [:]
        func value<Value>(_ setting: Setting<Value>) throws(SettingError) -> Value {
            let value = try sources.value(of: setting) ?? setting.defaultValue(machine)
            effective[setting.name.key] = setting.syntax.logged(value)
            return value
        }
        http = HTTPServerConfiguration(
            host: try value(Settings.host), port: try value(Settings.port), threads: try value(Settings.threads),
            maxConnections: try value(Settings.maxConnections),
            maxConnectionsPerAddress: try value(Settings.maxConnectionsPerAddress),
            idleTimeout: try value(Settings.idleTimeout),
            requestTimeout: try value(Settings.requestTimeout))
        let socketMode = try value(Settings.socketMode)
        http.socket = try value(Settings.socket).map { .init(path: $0, mode: socketMode.bits) }
        http.maxBodyMemory = try value(Settings.maxInflightBytes)
        http.maxHeadBytes = try value(Settings.maxHeaderBytes)
        // A thread more than there may be connections would never have one, and the server refuses to have it.
        http.threads = min(http.threads, http.maxConnections)
        effective[Settings.threads.name.key] = Settings.threads.syntax.logged(http.threads)
        drainTimeout = try value(Settings.drainTimeout)
        tlsFiles = try TLSFiles(
            certificate: try value(Settings.tlsCert), key: try value(Settings.tlsKey),
            clientAuthorities: try value(Settings.tlsClientCA))
        tokenFile = try value(Settings.authTokens).map { TokenFile(path: $0) }
        hasPublicMetrics = try value(Settings.publicMetrics) == .on
        let rateBurst = try value(Settings.rateBurst)
        rateLimiter = try value(Settings.rateLimit).map { RateLimiter(rate: $0, burst: rateBurst) }
        crossOrigin = try value(Settings.corsOrigin)
        cache = CacheConfiguration(
            capacity: try value(Settings.capacity), memoryLimit: try value(Settings.maxMemory),
            defaultTTL: try value(Settings.defaultTTL), ttlJitter: try value(Settings.ttlJitter),
            eviction: try value(Settings.eviction))
        snapshotPath = try value(Settings.snapshot)
        snapshotInterval = try value(Settings.snapshotInterval)
        warming = try Warming(
            sections: try sources.value(of: Sections.sources) ?? [:], atStart: try value(Settings.warm),
            origin: try sources.text(of: Settings.warm.name)?.origin,
            isRequired: try value(Settings.warmRequired) == .on)
        var flag = try value(Settings.origin).map { OriginRoute(template: $0) }
        let timeToLive = try value(Settings.originTTL)
        let staleWhileRevalidate = try value(Settings.originStaleWhileRevalidate)
        let staleIfError = try value(Settings.originStaleIfError)
        let negativeTimeToLive = try value(Settings.originNegativeTTL)
        let timeout = try value(Settings.originTimeout)
        let mostFetches = try value(Settings.originMaxFetches)
        flag?.timeToLive = timeToLive
        flag?.staleWhileRevalidate = staleWhileRevalidate ?? .zero
        flag?.staleIfError = staleIfError ?? .zero
        flag?.negativeTimeToLive = negativeTimeToLive ?? .zero
        flag?.timeout = timeout
        flag?.mostFetches = mostFetches
        origins = try Self.routes(try sources.value(of: Sections.origins) ?? [], flag: flag)
        limits = ServiceLimits(
            maxKeyBytes: try value(Settings.maxKeyBytes), maxValueBytes: try value(Settings.maxValueBytes),
            maxBodyBytes: try value(Settings.maxBodyBytes), maxBulkItems: try value(Settings.maxBulkItems))
        logLevel = try value(Settings.logLevel)
        logFormat = try value(Settings.logFormat)
        accessLogFormat = try value(Settings.accessLog)
        accessLogFile = try value(Settings.accessLogFile)
        _ = try value(Settings.config)
        self.effective = effective
    }
}
