/// What the cache is meant to reach beside its peers on a machine with two cores.
struct Target: Sendable {
    enum Quantity: Sendable {
        /// Requests a second as a multiple of the peer's.
        case rate(Scenario, Peer.ID)
        /// Requests a second as a multiple of the cache's own in another scenario.
        case rates(Scenario, Scenario)
        /// Processor time a request as a multiple of the peer's.
        case processorTime(Scenario, Peer.ID)
        /// What a trial compares.
        case trial(Trial)
        /// KiB of memory for each idle connection.
        case idleMemory
        /// Milliseconds from start to first answer.
        case start
    }

    let title: String
    let quantity: Quantity
    let bound: Bound

    init(_ title: String, _ quantity: Quantity, _ bound: Bound) {
        self.title = title
        self.quantity = quantity
        self.bound = bound
    }

    static let all =
        singleKeys + bulk + [
            Target("GET of 1 MiB, against nginx' sendfile", .rate(.getLarge, .nginxFile), .atLeast(0.90)),
            Target("p99 at half of the peak rate, against bare libmicrohttpd", .trial(.halfRate), .atMost(1.3)),
            Target("three times the peak rate, answered, against the peak", .trial(.overload), .atLeast(0.80)),
            Target("the same from some thousand clients", .trial(.overloadFromMany), .atLeast(0.80)),
            Target("the same with new connections", .trial(.overloadReconnecting), .atLeast(0.80)),
            Target("the same with more than there may be", .trial(.overloadBeyondLimit), .atLeast(0.80)),
            Target("active beside idle connections, against without", .trial(.idle), .atLeast(0.90)),
            Target("memory of an idle connection, KiB", .idleMemory, .atMost(10)),
            Target("start to first answer, milliseconds", .start, .atMost(50)),
        ]

    private static let singleKeys = [
        Target("GET hit, requests/s against bare libmicrohttpd", .rate(.getHit, .bareResponder), .atLeast(0.97)),
        Target(
            "GET hit, CPU a request against bare libmicrohttpd", .processorTime(.getHit, .bareResponder), .atMost(1.08)),
        Target(
            "GET hit, CPU a request against the same with an access log", .processorTime(.getHit, .loggingCache),
            .atLeast(0.98)),
        Target("GET hit, requests/s against nginx `return 200`", .rate(.getHit, .nginx), .atLeast(1)),
        Target("GET hit, requests/s against Webdis + Redis", .rate(.getHit, .webdisRedis), .atLeast(2)),
        Target("GET hit, requests/s against nginx + memcached", .rate(.getHit, .nginxMemcached), .atLeast(2)),
        Target("GET miss, requests/s against GET hit", .rates(.getMiss, .getHit), .atLeast(0.95)),
        Target("PUT, requests/s against GET hit", .rates(.put, .getHit), .atLeast(0.85)),
        Target("PUT, requests/s against Webdis SET", .rate(.put, .webdisRedis), .atLeast(1.5)),
    ]

    private static let bulk = [
        Target(
            "mget of \(Workload.batchSize), against redis-benchmark's MGET", .rate(.mget, .redisBenchmark),
            .atLeast(0.5)),
        Target("mget of \(Workload.batchSize), against Webdis MGET", .rate(.mget, .webdisRedis), .atLeast(5)),
        Target(
            "mput of \(Workload.batchSize), against redis-benchmark's MSET", .rate(.mput, .redisBenchmark),
            .atLeast(0.5)),
    ]
}
