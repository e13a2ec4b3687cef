/// A system that is measured: how it is started, and what the requests of a scenario are in its own words.
struct Peer: Sendable {
    enum ID: String, CaseIterable, Codable, Sendable {
        case productionCache = "production-cache"
        case loggingCache = "production-cache-access-log"
        case bareResponder = "bare-libmicrohttpd"
        case nginx = "nginx-return-200"
        case nginxFile = "nginx-sendfile"
        case nginxMemcached = "nginx-memcached"
        case webdisRedis = "webdis-redis"
        case redisBenchmark = "redis-benchmark"
    }

    let id: ID
    let title: String
    /// What has to be installed for it.
    var programs: [Program] = []
    /// Starts its processes and returns when they answer.
    let start: @Sendable (RunEnvironment) throws -> Deployment
    /// The load of a scenario for a deployment; nil when the system has no counterpart of it.
    let load: @Sendable (Scenario, Workload) -> Load?
}

/// The running processes of a system.
struct Deployment: Sendable {
    let processes: [ChildProcess]
    /// Where the load goes.
    let port: Int
    let store: KeyStore
}
