/// A store whose memory is compared: the cache's server, and what one could run in its place.
struct MemorySystem: Sendable {
    enum ID: String, Codable, Sendable {
        case productionCache = "production-cache"
        case memcached
        case redis
    }

    let id: ID
    let title: String
    /// What has to be installed for it.
    var program: Program?
    /// Starts it as a cache that keeps all of a fill.
    let start: @Sendable (RunEnvironment) throws -> Deployment

    static let all = [
        MemorySystem(id: .productionCache, title: Peer.productionCache.title, start: Peer.productionCache.start),
        MemorySystem(
            id: .memcached, title: "memcached", program: .memcached,
            start: { environment in
                // The default of 64 MiB would not hold the entries; the room is not taken before it is needed.
                let (process, port) = try Peer.startMemcached(environment, options: ["-m", "4096"])
                return Deployment(processes: [process], port: port, store: .memcached(port: port, keyPrefix: ""))
            }),
        MemorySystem(
            id: .redis, title: "Redis", program: .redisServer,
            start: { environment in
                let (process, port) = try Peer.startRedis(environment)
                return Deployment(processes: [process], port: port, store: .redis(port: port))
            }),
    ]
}
