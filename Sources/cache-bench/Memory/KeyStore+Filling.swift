import Foundation

extension KeyStore {
    /// Stores the entries, each with its time to live, many on the way at a time.
    func fill(with fill: EntryFill) throws {
        guard let port else { return }
        let text = ValueText(upTo: fill.sizes.most)
        var connection = try TCPConnection(port: port)
        for batch in fill.batches {
            let request = request(toStore: batch, text)
            try connection.send(request)
            try confirm(batch.count, on: &connection)
        }
    }

    /// How many entries the store says it holds.
    func entryCount() throws -> Int {
        switch self {
        case .none:
            return 0
        case .productionCache(let port):
            var connection = try TCPConnection(port: port)
            let reply = try connection.exchange(HTTPRequest(method: "GET", target: "/stats"), port: port)
            try require(reply.status == 200, "stats answers \(reply.status)")
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Holding.self, from: Data(reply.body.utf8)).currentSize
        case .memcached(let port, _):
            var connection = try TCPConnection(port: port)
            try connection.send("stats\r\n")
            var count: Int?
            while case let line = try connection.readLine(), line != "END" {
                let words = line.split(separator: " ")
                if words.count == 3, words[1] == "curr_items" { count = Int(words[2]) }
            }
            guard let count else { throw BenchmarkError("the store cannot be used: its stats lack curr_items") }
            return count
        case .redis(let port):
            var connection = try TCPConnection(port: port)
            try connection.send("DBSIZE\r\n")
            let reply = try connection.readLine()
            guard reply.hasPrefix(":"), let count = Int(reply.dropFirst()) else {
                throw BenchmarkError("the store cannot be used: DBSIZE answers \(reply)")
            }
            return count
        }
    }

    /// The value of a key; nil if the store has none.
    func value(of key: String) throws -> String? {
        switch self {
        case .none:
            return nil
        case .productionCache(let port):
            var connection = try TCPConnection(port: port)
            let reply = try connection.exchange(HTTPRequest(method: "GET", target: "/keys/\(key)"), port: port)
            return reply.status == 200 ? reply.body : nil
        case .memcached(let port, let prefix):
            var connection = try TCPConnection(port: port)
            try connection.send("mg \(prefix)\(key) v\r\n")
            let head = try connection.readLine().split(separator: " ")
            guard head.count >= 2, head[0] == "VA", let length = Int(head[1]) else { return nil }
            return try connection.read(length)
        case .redis(let port):
            var connection = try TCPConnection(port: port)
            try connection.send("GET \(key)\r\n")
            let head = try connection.readLine()
            guard head.hasPrefix("$"), let length = Int(head.dropFirst()), length >= 0 else { return nil }
            return try connection.read(length)
        }
    }

    private struct Holding: Decodable {
        let currentSize: Int
    }

    /// The bytes that store some entries, in the store's own words.
    private func request(toStore batch: [EntryFill.Entry], _ text: ValueText) -> [UInt8] {
        var bytes: [UInt8] = []
        let lifetime = EntryFill.secondsToLive
        switch self {
        case .none:
            break
        case .productionCache(let port):
            var body = Array(#"{"items":{"#.utf8)
            for (index, entry) in batch.enumerated() {
                body += "\(index == 0 ? "" : ",")\"\(entry.key)\":".utf8
                text.append(entry.valueBytes, of: entry.number, to: &body)
            }
            body += "},\"ttl\":\(lifetime)}".utf8
            bytes +=
                """
                POST /mput HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Type: application/json\r\n\
                Content-Length: \(body.count)\r\n\r\n
                """.utf8
            bytes += body
        case .memcached(_, let prefix):
            // With q, an item that was stored is passed over in silence; mn is answered at the end in any case.
            for entry in batch {
                bytes += "ms \(prefix)\(entry.key) \(entry.valueBytes) T\(lifetime) q\r\n".utf8
                text.append(entry.valueBytes, of: entry.number, to: &bytes)
                bytes += "\r\n".utf8
            }
            bytes += "mn\r\n".utf8
        case .redis:
            for entry in batch {
                let key = entry.key
                bytes += "*5\r\n$3\r\nSET\r\n$\(key.utf8.count)\r\n\(key)\r\n$\(entry.valueBytes)\r\n".utf8
                text.append(entry.valueBytes, of: entry.number, to: &bytes)
                bytes += "\r\n$2\r\nEX\r\n$\(String(lifetime).utf8.count)\r\n\(lifetime)\r\n".utf8
            }
        }
        return bytes
    }

    /// Reads the answers to such a request, which must say that all entries are stored.
    private func confirm(_ count: Int, on connection: inout TCPConnection) throws {
        switch self {
        case .none:
            break
        case .productionCache:
            let reply = try connection.readReply()
            try require(
                reply.status == 200 && reply.body.hasPrefix(#"{"stored":\#(count)}"#),
                "mput of \(count) answers \(reply.status): \(reply.body)")
        case .memcached:
            let reply = try connection.readLine()
            try require(reply == "MN", "ms answers \(reply)")
        case .redis:
            for _ in 0..<count {
                let reply = try connection.readLine()
                try require(reply == "+OK", "SET answers \(reply)")
            }
        }
    }
}
