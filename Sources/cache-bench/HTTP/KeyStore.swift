import Foundation

/// Where a system keeps its keys, spoken to in its own protocol, beside the load: to fill it before a measurement and
/// to ask what it counted after one.
enum KeyStore: Sendable {
    /// The system answers every request alike.
    case none
    case productionCache(port: Int)
    case memcached(port: Int, keyPrefix: String)
    case redis(port: Int)

    enum Outcome: Sendable {
        case hits, misses
    }

    /// What a store has counted since it started.
    struct Counters: Equatable, Sendable {
        var hits = 0
        var misses = 0
        /// Commands refused.
        var errors = 0

        static func - (later: Counters, earlier: Counters) -> Counters {
            Counters(
                hits: later.hits - earlier.hits, misses: later.misses - earlier.misses,
                errors: later.errors - earlier.errors)
        }
    }

    /// Where the store is asked; nil when there is none.
    var port: Int? {
        switch self {
        case .none: nil
        case .productionCache(let port), .memcached(let port, _), .redis(let port): port
        }
    }

    /// Seconds that the filled entries of a store with lifetimes in its answers have, so that its header fields are as
    /// long as those of the bare responder.
    private static let lifetime = 300

    /// Stores all keys of the workload with their values.
    func fill(with workload: Workload) throws {
        switch self {
        case .none:
            break
        case .productionCache(let port):
            var connection = try TCPConnection(port: port)
            for piece in workload.pieces {
                let items = piece.map { "\"\(workload.key($0))\":\(workload.value($0))" }.joined(separator: ",")
                let reply = try connection.exchange(
                    HTTPRequest(
                        method: "POST", target: "/mput", body: #"{"items":{\#(items)},"ttl":\#(Self.lifetime)}"#),
                    port: port)
                try require(reply.status == 200, "mput answers \(reply.status): \(reply.body)")
            }
            let large = HTTPRequest(
                method: "PUT", target: "/keys/\(Workload.largeKey)?ttl=\(Self.lifetime)", body: Workload.largeValue)
            let reply = try connection.exchange(large, port: port)
            try require([201, 204].contains(reply.status), "PUT answers \(reply.status): \(reply.body)")
        case .memcached(let port, let keyPrefix):
            var connection = try TCPConnection(port: port)
            for piece in workload.pieces {
                let commands = piece.map { number in
                    let value = workload.value(number)
                    return "set \(keyPrefix)\(workload.key(number)) 0 0 \(value.utf8.count)\r\n\(value)\r\n"
                }
                try connection.send(commands.joined())
                for _ in piece {
                    let reply = try connection.readLine()
                    try require(reply == "STORED", "set answers \(reply)")
                }
            }
        case .redis(let port):
            var connection = try TCPConnection(port: port)
            for piece in workload.pieces {
                let words = ["MSET"] + piece.flatMap { [workload.key($0), workload.value($0)] }
                try connection.send("*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined())
                let reply = try connection.readLine()
                try require(reply == "+OK", "MSET answers \(reply)")
            }
        }
    }

    /// What the store has counted so far; nil when there is none.
    func counters() throws -> Counters? {
        switch self {
        case .none:
            return nil
        case .productionCache(let port):
            var connection = try TCPConnection(port: port)
            let reply = try connection.exchange(HTTPRequest(method: "GET", target: "/stats"), port: port)
            try require(reply.status == 200, "stats answers \(reply.status)")
            let stats = try JSONDecoder().decode(CacheStats.self, from: Data(reply.body.utf8))
            return Counters(hits: stats.hits, misses: stats.misses)
        case .memcached(let port, _):
            var connection = try TCPConnection(port: port)
            try connection.send("stats\r\n")
            var counters = Counters()
            while case let line = try connection.readLine(), line != "END" {
                let words = line.split(separator: " ")
                guard words.count == 3, let count = Int(words[2]) else { continue }
                switch words[1] {
                case "get_hits": counters.hits = count
                case "get_misses": counters.misses = count
                default: break
                }
            }
            return counters
        case .redis(let port):
            var connection = try TCPConnection(port: port)
            try connection.send("INFO stats\r\n")
            let head = try connection.readLine()
            guard head.hasPrefix("$"), let length = Int(head.dropFirst()) else {
                throw BenchmarkError("the store cannot be used: INFO answers \(head)")
            }
            var counters = Counters()
            for line in try connection.read(length).split(whereSeparator: \.isNewline) {
                let field = line.split(separator: ":")
                guard field.count == 2, let count = Int(field[1]) else { continue }
                switch field[0] {
                case "keyspace_hits": counters.hits = count
                case "keyspace_misses": counters.misses = count
                case "total_error_replies": counters.errors = count
                default: break
                }
            }
            return counters
        }
    }

    private struct CacheStats: Decodable {
        let hits: Int
        let misses: Int
    }

    func require(_ condition: Bool, _ otherwise: @autoclosure () -> String) throws {
        guard condition else { throw BenchmarkError("the store cannot be used: \(otherwise())") }
    }
}
