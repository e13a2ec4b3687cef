import CacheCore
import CacheService
import Logging
import MicroHTTP

/// Everything that the server is told: the value of each setting, from wherever it came.
struct ServerConfiguration: Sendable {
    let cache: CacheConfiguration
    private(set) var http: HTTPServerConfiguration
    let limits: ServiceLimits
    let drainTimeout: Duration
    /// Where the tokens are that clients need; nil if they need none.
    let tokenFile: TokenFile?
    let hasPublicMetrics: Bool
    let crossOrigin: CrossOrigin?
    let rateLimiter: RateLimiter?
    let logLevel: Logger.Level
    let logFormat: LogFormat

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
            maxConnections: try value(Settings.maxConnections), idleTimeout: try value(Settings.idleTimeout),
            requestTimeout: try value(Settings.requestTimeout))
        let socketMode = try value(Settings.socketMode)
        http.socket = try value(Settings.socket).map { .init(path: $0, mode: socketMode.bits) }
        http.maxBodyMemory = try value(Settings.maxInflightBytes)
        // A thread more than there may be connections would never have one, and the server refuses to have it.
        http.threads = min(http.threads, http.maxConnections)
        effective[Settings.threads.name.key] = Settings.threads.syntax.logged(http.threads)
        drainTimeout = try value(Settings.drainTimeout)
        tokenFile = try value(Settings.authTokens).map { TokenFile(path: $0) }
        hasPublicMetrics = try value(Settings.publicMetrics) == .on
        let rateBurst = try value(Settings.rateBurst)
        rateLimiter = try value(Settings.rateLimit).map { RateLimiter(rate: $0, burst: rateBurst) }
        crossOrigin = try value(Settings.corsOrigin)
        cache = CacheConfiguration(
            capacity: try value(Settings.capacity), memoryLimit: try value(Settings.maxMemory),
            defaultTTL: try value(Settings.defaultTTL), ttlJitter: try value(Settings.ttlJitter),
            eviction: try value(Settings.eviction))
        limits = ServiceLimits(
            maxKeyBytes: try value(Settings.maxKeyBytes), maxValueBytes: try value(Settings.maxValueBytes),
            maxBodyBytes: try value(Settings.maxBodyBytes), maxBulkItems: try value(Settings.maxBulkItems))
        logLevel = try value(Settings.logLevel)
        logFormat = try value(Settings.logFormat)
        _ = try value(Settings.config)
        self.effective = effective
    }
}
