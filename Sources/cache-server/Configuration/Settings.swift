import CacheCore
import CacheService
import Logging
import MicroHTTP
import ReadThrough

/// Every setting of the server: the one table.
enum Settings {
    // Where and how it listens.
    static let host = Setting(
        "host", "Address to listen on; 0.0.0.0 is every IPv4 address", .text("address", requirement: "an address"),
        default: httpDefaults.host)
    static let port = Setting(
        "port", "TCP port to listen on; 0 takes a free one", .integer("port", in: 0...65535), default: httpDefaults.port
    )
    static let socket = Setting(
        "socket", "Listens on a socket of this path in the place of an address",
        .orNone(.text("path", requirement: "the path of a socket")), default: nil)
    static let socketMode = Setting(
        "socket-mode", "Who may connect to the socket", .mode, default: FileMode(bits: 0o660))
    static let threads = Setting(
        "threads", "Threads that serve requests", .integer(in: 1...1024),
        default: "the processor cores that it may use"
    ) { $0.cores }
    static let maxConnections = Setting(
        "max-connections", "Most connections open at a time; those beyond are answered 503 and closed",
        .integer(in: 1...1_000_000),
        default: httpDefaults.maxConnections)
    static let maxConnectionsPerAddress = Setting(
        "max-connections-per-address", "Most connections open at a time from one address, or one /64 of IPv6",
        .orNone(.integer(in: 1...1_000_000)), default: nil)
    static let idleTimeout = Setting(
        "idle-timeout", "Closes a connection that is silent for so long",
        .duration(in: .seconds(1)...(.seconds(86_400))), default: httpDefaults.idleTimeout)
    static let requestTimeout = Setting(
        "request-timeout",
        "Cuts a connection whose request arrives at less than \(Int(HTTPServerConfiguration.leastBytesPerSecond)) bytes a second "
            + "for so long, /warm aside",
        .orNone(.duration(in: .milliseconds(100)...(.seconds(86_400)))), default: httpDefaults.requestTimeout)
    static let drainTimeout = Setting(
        "drain-timeout", "Waits so long at a stop for requests in flight",
        .duration(in: .zero...(.seconds(86_400))), default: .seconds(10))

    // By what it and its clients are known.
    static let tlsCert = Setting(
        "tls-cert",
        "File of the server's certificate in PEM, those that lead to its authority behind it; TLS takes the place of plain HTTP; "
            + "read anew at SIGHUP, with the two below",
        .orNone(.text("file", requirement: "the path of a file in PEM")), default: nil)
    static let tlsKey = Setting(
        "tls-key", "File of the certificate's private key in PEM, without a password",
        .orNone(.text("file", requirement: "the path of a file in PEM")), default: nil)
    static let tlsClientCA = Setting(
        "tls-client-ca",
        "File of the authorities in PEM that vouch for clients, which then need a certificate for all but health",
        .orNone(.text("file", requirement: "the path of a file in PEM")), default: nil)

    // Who may use it.
    static let authTokens = Setting(
        "auth-tokens",
        "File of the tokens that clients need, one a line: the SHA-256 of the token (printf %s TOKEN | sha256sum), "
            + "\(words(of: AccessScope.self)), and the prefix of the keys that it is for, if not for all; read anew at SIGHUP",
        .orNone(.text("file", requirement: "the path of a file of tokens")), default: nil)
    static let publicMetrics = Setting(
        "public-metrics", "Whether /stats and /metrics need no token: \(words(of: Switch.self))", .word("switch"),
        default: Switch.off)

    static let rateLimit = Setting(
        "rate-limit", "Requests a second that a client may make, by its token or else its address",
        .orNone(.integer(in: 1...1_000_000)), default: nil)
    static let rateBurst = Setting(
        "rate-burst", "Requests that a client may make at once, under a --rate-limit", .integer(in: 1...1_000_000),
        default: 100)
    static let corsOrigin = Setting(
        "cors-origin", "Origins of web pages that may use the cache from a browser; * is any", .orNone(.origins),
        default: nil)

    // What the cache holds.
    static let capacity = Setting(
        "capacity", "Most entries",
        .orNone(.integer(in: 1...CacheConfiguration.maximumCapacity)),
        default: nil)
    static let maxMemory = Setting(
        "max-memory", "Most memory for entries, with all that the cache needs to keep them",
        .orNone(.size(in: CacheConfiguration.minimumMemoryLimit...Int.max)),
        default: "half of the container's or the machine's"
    ) { machine in
        machine.memory.map { max($0 / 2, CacheConfiguration.minimumMemoryLimit) }
    }
    static let eviction = Setting(
        "eviction",
        "Which entries make room: \(words(of: EvictionPolicy.self)); auto goes by the one that hits most at the time",
        .word("policy"), default: cacheDefaults.eviction)
    static let defaultTTL = Setting(
        "default-ttl", "Time to live of an entry that is stored without one",
        .orNone(.duration(in: .milliseconds(1)...CacheConfiguration.maximumTTL)), default: nil)
    static let ttlJitter = Setting(
        "ttl-jitter", "By how many percent entries of a bulk load live shorter, at most, each by its key",
        .integer(in: CacheConfiguration.ttlJitters), default: cacheDefaults.ttlJitter)

    // What outlives it.
    static let snapshot = Setting(
        "snapshot",
        "File that all entries are written to at an interval and at the end, and loaded from at the start",
        .orNone(.text("file", requirement: "the path of a file")), default: nil)
    static let snapshotInterval = Setting(
        "snapshot-interval", "How often the snapshot is written, beside at the end",
        .orNone(.duration(in: .milliseconds(100)...(.seconds(604_800)))), default: .seconds(300))

    // What it is filled from.
    static let warm = Setting(
        "warm",
        "Fills the cache at the start from a file, a database or another cache: a URL, a path, or a name of the configuration file's "
            + "sources; can be given several times, or several with spaces between in the environment",
        .orNone(.sources), default: nil)
    static let warmRequired = Setting(
        "warm-required", "Whether the server ends if one of these sources fails, in the place of a warning: on or off",
        .word("switch"), default: Switch.off)

    // What is read through it.
    static let origin = Setting(
        "origin",
        "URL that missing values are loaded from, with {key} where the key belongs; origins for some keys are in the file",
        .orNone(.originTemplate), default: nil)
    static let originTTL = Setting(
        "origin-ttl", "Time to live of a loaded value whose origin does not say; none is as of other entries",
        .orNone(.duration(in: .milliseconds(1)...CacheConfiguration.maximumTTL)), default: nil)
    static let originStaleWhileRevalidate = Setting(
        "origin-stale-while-revalidate",
        "How long past its expiry a value is served while it is loaded anew, unless the origin says",
        .orNone(.duration(in: .milliseconds(1)...CacheConfiguration.maximumTTL)), default: nil)
    static let originStaleIfError = Setting(
        "origin-stale-if-error",
        "How long past its expiry a value is served when it can't be loaded, unless the origin says",
        .orNone(.duration(in: .milliseconds(1)...CacheConfiguration.maximumTTL)), default: nil)
    static let originNegativeTTL = Setting(
        "origin-negative-ttl", "How long it is remembered that the origin has nothing under a key",
        .orNone(.duration(in: .milliseconds(1)...CacheConfiguration.maximumTTL)),
        default: OriginRoute.defaultNegativeTimeToLive)
    static let originTimeout = Setting(
        "origin-timeout", "How long a load may take, its wait for others and its repetitions included",
        .duration(in: OriginSpan.timeouts), default: OriginRoute.defaultTimeout)
    static let originMaxFetches = Setting(
        "origin-max-fetches", "Most loads at a time; as a rule \(OriginRoute.defaultMostWaiting) more may wait",
        .integer(in: OriginSection.fetches), default: OriginRoute.defaultMostFetches)

    // What a request may bring.
    static let maxKeyBytes = Setting(
        "max-key-bytes", "Longest key", .size(in: 1...storeLimits.maxKeyBytes), default: limitDefaults.maxKeyBytes)
    static let maxValueBytes = Setting(
        "max-value-bytes", "Largest value", .size(in: 1...storeLimits.maxValueBytes),
        default: limitDefaults.maxValueBytes)
    static let maxBodyBytes = Setting(
        "max-body-bytes", "Largest body of a bulk request", .size(in: 1...storeLimits.maxValueBytes),
        default: limitDefaults.maxBodyBytes)
    static let maxBulkItems = Setting(
        "max-bulk-items", "Most items of a bulk request", .integer(in: 1...Int.max), default: limitDefaults.maxBulkItems
    )

    static let maxHeaderBytes = Setting(
        "max-header-bytes",
        "Largest head of a request, its line and its fields; an idle connection takes as much and 4 KiB",
        .size(in: HTTPServerConfiguration.headSizes), default: httpDefaults.maxHeadBytes)
    static let maxInflightBytes = Setting(
        "max-inflight-bytes", "Most memory for bodies that are being received, and large answers",
        .size(in: (1 << 20)...Int.max), default: "an eighth of the container's or the machine's, at least 128MiB"
    ) { machine in
        max((machine.memory ?? 0) / 8, 128 << 20)
    }

    // What it says.
    static let logLevel = Setting(
        "log-level", "Least severity that is logged: \(words(of: Logger.Level.self))", .word("level"),
        default: Logger.Level.info)
    static let logFormat = Setting(
        "log-format", "Lines for people or for programs: \(words(of: LogFormat.self))", .word("format"),
        default: "text on a terminal, else json"
    ) { machine -> LogFormat in machine.outputIsTerminal ? .text : .json }

    static let accessLog = Setting(
        "access-log", "A line for each request: \(words(of: AccessLog.Format.self))", .orNone(.word("format")),
        default: nil as AccessLog.Format?)
    static let accessLogFile = Setting(
        "access-log-file", "File for these lines, opened anew at SIGHUP; none is standard output",
        .orNone(.text("file", requirement: "the path of a file")), default: nil)

    /// The file that the others may come from, so it cannot be in the file itself.
    static let config = Setting(
        "config", #"JSON file with settings, such as {"max_memory": "1GiB"}"#,
        .orNone(.text("file", requirement: "the path of a JSON file")), default: nil)

    /// The names of the settings that a configuration file may have.
    static let names: [SettingName] = [
        host.name, port.name, socket.name, socketMode.name, threads.name, maxConnections.name,
        maxConnectionsPerAddress.name,
        idleTimeout.name,
        requestTimeout.name,
        drainTimeout.name,
        tlsCert.name, tlsKey.name, tlsClientCA.name,
        authTokens.name, publicMetrics.name, rateLimit.name, rateBurst.name, corsOrigin.name,
        capacity.name, maxMemory.name, eviction.name, defaultTTL.name, ttlJitter.name,
        snapshot.name, snapshotInterval.name,
        warm.name, warmRequired.name,
        origin.name, originTTL.name, originStaleWhileRevalidate.name, originStaleIfError.name, originNegativeTTL.name,
        originTimeout.name, originMaxFetches.name,
        maxKeyBytes.name, maxValueBytes.name, maxBodyBytes.name, maxBulkItems.name, maxHeaderBytes.name,
        maxInflightBytes.name,
        logLevel.name, logFormat.name, accessLog.name, accessLogFile.name,
    ]

    /// A choice between two.
    enum Switch: String, CaseIterable, Sendable {
        case on, off
    }

    private static let cacheDefaults = CacheConfiguration()
    private static let httpDefaults = HTTPServerConfiguration()
    private static let limitDefaults = ServiceLimits()
    private static let storeLimits = EntryLimits.ofStore
}
