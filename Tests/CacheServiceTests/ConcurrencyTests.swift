internal import CacheCore
internal import Foundation
internal import MicroHTTP
internal import TestSupport
internal import Testing

@testable internal import CacheService

/// Many threads at one service, as a server's are.
struct ConcurrencyTests {
    private struct Broken: Error { let what: String }

    /// Some keys, few enough that threads meet on them.
    private static let keyCount = 64

    private func value(_ key: Int, _ thread: Int, _ number: Int) -> String { "[\(key),\(thread),\(number)]" }

    @Test func everyReplyAddsUp() throws {
        let cache = try ProductionCache(CacheConfiguration(capacity: 48))
        let service = CacheService(cache: cache, version: "1")
        let random = TestSeed.generator()
        let threads = 4
        let rounds = TestScale.operations(percent: 1)
        let reads = Tally()
        let requests = Tally()
        let isOver = Flag()

        @Sendable func ask(_ method: MicroHTTP.Method, _ target: String, body: String = "") -> Reply {
            requests.add()
            return Reply(LiteralRequest(method, target, body: Array(body.utf8)).answer(by: service))
        }

        let reader = ThreadRun(1)
        reader.start { _ in
            while !isOver.isUp {
                let stats = try ask(.get, "/stats").object
                guard let hits = stats["hits"] as? Int, let misses = stats["misses"] as? Int,
                    let total = stats["total_requests"] as? Int, let size = stats["current_size"] as? Int
                else { throw Broken(what: "\(stats)") }
                guard total == hits + misses else {
                    throw Broken(what: "\(total) reads, \(hits) hits, \(misses) misses")
                }
                guard size <= 48 else { throw Broken(what: "\(size) entries") }
                guard ask(.get, "/metrics").status == 200 else { throw Broken(what: "no metrics") }
            }
        }
        try runThreads(threads) { thread in
            var random = random.split(thread)
            for number in 0..<rounds / threads {
                let key = random.below(Self.keyCount)
                switch random.below(8) {
                case 0, 1:
                    let status = ask(
                        .put, "/keys/\(key)?ttl=\(random.below(2) == 0 ? "0.001" : "100")",
                        body: value(key, thread, number)
                    ).status
                    guard status == 201 || status == 204 else { throw Broken(what: "PUT: \(status)") }
                case 2:
                    let status = ask(.delete, "/keys/\(key)").status
                    guard status == 204 || status == 404 else { throw Broken(what: "DELETE: \(status)") }
                case 3:
                    reads.add(3)
                    let reply = try ask(.post, "/mget", body: "[\"\(key)\",\"\(key + 1)\",\"\(key)\",\"\(key + 2)\"]")
                        .object
                    for (name, found) in reply["values"] as? [String: [Int]] ?? [:] where "\(found[0])" != name {
                        throw Broken(what: "\(name) has the value \(found)")
                    }
                case 4:
                    let items = (0..<4).map { "\"\(key + $0)\":\(value(key + $0, thread, number))" }.joined(
                        separator: ",")
                    guard ask(.post, "/mput", body: "{\"items\":{\(items)}}").text == "{\"stored\":4}\n" else {
                        throw Broken(what: "mput")
                    }
                default:
                    reads.add()
                    let reply = ask(.get, "/keys/\(key)")
                    guard reply.status == 404 || reply.text.hasPrefix("[\(key),") && reply.text.hasSuffix("]") else {
                        throw Broken(what: "\(key) has the value \(reply.text)")
                    }
                }
            }
        }
        isOver.raise()
        try reader.join()

        let stats = cache.getStats()
        #expect(stats.totalRequests == reads.value)
        #expect(service.requestCounts.values.reduce(0, +) == requests.value)
        let gets = service.requestCounts.filter { $0.key.hasPrefix("/keys/{key} GET") }.values.reduce(0, +)
        #expect(service.statistics.latencies.summary(of: .get).count == UInt64(gets))
        #expect(stats.currentSize <= 48)
    }

    @Test func streamsGoOnWhileAllIsWritten() throws {
        let cache = try ProductionCache(CacheConfiguration())
        let service = CacheService(cache: cache, version: "1")
        for number in 0..<500 { try cache.putJSON("stay\(number)", Array("\"\(number)\"".utf8)) }
        try runThreads(4) { thread in
            for round in 0..<10 {
                if thread.isMultiple(of: 2) {
                    let lines = (0..<200).map { "{\"key\":\"\(thread)-\($0)\",\"value\":[\($0),\(round)]}\n" }.joined()
                    let reply = Reply(LiteralRequest(.post, "/warm", body: Array(lines.utf8)).answer(by: service))
                    guard reply.text.hasPrefix("{\"loaded\":200,\"failed\":0,") else { throw Broken(what: reply.text) }
                    _ = LiteralRequest(.delete, "/keys?prefix=\(thread)-").answer(by: service)
                } else {
                    let text = Reply(LiteralRequest(.get, "/export").answer(by: service)).text
                    let lines = text.split(separator: "\n").filter { $0.hasPrefix("{\"key\":\"stay") }
                    guard lines.count == 500, Set(lines).count == 500 else {
                        throw Broken(what: "\(lines.count) lines")
                    }
                    for line in text.split(separator: "\n") {
                        _ = try JSONSerialization.jsonObject(with: Data(line.utf8))
                    }
                }
            }
        }
    }
}
