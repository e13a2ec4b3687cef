/// What a load generator sends to a system.
enum Load: Sendable {
    /// wrk sends these requests, each thread from its own place in the list and round and round.
    case http([HTTPRequest], expecting: Expectation)
    /// redis-benchmark sends this command with random keys.
    case redis([String])
}

/// What the answers to a load must be.
struct Expectation: Sendable {
    let statuses: Set<Int>
    /// Whether the body of the answer to the first request is right.
    let body: @Sendable (String) -> Bool

    init(_ statuses: Set<Int>, body: @escaping @Sendable (String) -> Bool = { _ in true }) {
        self.statuses = statuses
        self.body = body
    }

    /// wrk counts every answer above 399 as an error. Where such is what was asked for, all must be one.
    var areCountedAsErrors: Bool {
        statuses.allSatisfy { $0 >= 400 }
    }
}

/// How much load there is.
struct LoadShape: Codable, Sendable {
    /// What sends requests by HTTP.
    enum Generator: String, Codable, Sendable {
        case wrk, h2load
    }

    var connections: Int
    /// Threads of the load generator.
    let threads: Int
    let seconds: Int
    var generator = Generator.wrk
    /// Requests a second in all; nil sends the next when the last has its answer. Only h2load keeps to one.
    var rate: Double?
    /// Whether each request has a connection of its own. Only wrk does that.
    var reconnects = false
    /// Whether there is more of it than the server has to answer. What is refused or cut is then not counted, and no
    /// problem.
    var isOverload = false
}

/// What a load generator saw.
struct LoadResult: Equatable, Sendable {
    var requests: Int
    var seconds: Double
    /// Latencies in milliseconds.
    var p50: Double
    var p99: Double
    /// Answers above 399.
    var refused = 0
    /// Connections that failed, broke or timed out.
    var broken = 0
    /// Processor time of the load generator itself.
    var processorTime: Duration = .zero
}
