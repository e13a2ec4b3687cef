/// What the cache is meant to reach beside its peers on a machine with two cores.
struct Target: Sendable {
    enum Quantity: Sendable {
        /// Requests a second as a multiple of the peer's.
        case rate(Scenario, Peer.ID)
        /// Processor time a request as a multiple of the peer's.
        case processorTime(Scenario, Peer.ID)
        /// Milliseconds from start to first answer.
        case start
    }

    let title: String
    let quantity: Quantity
    let bound: Bound

    static let all = [
        Target(
            title: "GET hit, requests/s against bare libmicrohttpd",
            quantity: .rate(.getHit, .bareResponder), bound: .atLeast(0.90)),
        Target(
            title: "GET hit, CPU a request against bare libmicrohttpd",
            quantity: .processorTime(.getHit, .bareResponder), bound: .atMost(1.15)),
        Target(
            title: "GET hit, requests/s against Webdis + Redis",
            quantity: .rate(.getHit, .webdisRedis), bound: .atLeast(1.8)),
        Target(
            title: "GET hit, requests/s against nginx + memcached",
            quantity: .rate(.getHit, .nginxMemcached), bound: .atLeast(1.8)),
        Target(
            title: "PUT, requests/s against Webdis SET",
            quantity: .rate(.put, .webdisRedis), bound: .atLeast(1.5)),
        Target(
            title: "mget of \(Workload.batchSize), requests/s against Webdis MGET",
            quantity: .rate(.mget, .webdisRedis), bound: .atLeast(3)),
        Target(title: "start to first answer, milliseconds", quantity: .start, bound: .atMost(50)),
    ]
}
