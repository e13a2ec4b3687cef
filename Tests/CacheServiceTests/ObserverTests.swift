internal import CacheCore
internal import MicroHTTP
internal import Synchronization
internal import Testing

@testable internal import CacheService

/// What an observer is told.
struct ObserverTests {
    /// Keeps what it is told, as text.
    private final class Log: Sendable {
        private let lines = Mutex<[String]>([])

        func add(_ record: CacheService.RequestRecord) {
            lines.withLock { $0.append("\(record.method) \(record.route) \(record.status) \(record.duration)") }
        }

        var all: [String] { lines.withLock { $0 } }
    }

    @Test func everyAnswerOnce() throws {
        let log = Log()
        let test = try TestService(observer: { log.add($0) })
        test.put("/keys/secret", "1")
        _ = test.get("/keys/secret")
        _ = test.ask(.head, "/keys/none")
        _ = test.get("/keys/%")
        _ = test.get("/keys?prefix=secret")
        _ = test.post("/warm", "{}")
        _ = test.post("/warm", "")
        _ = test.put("/keys/a?ttl=0", String(repeating: "1", count: 100_000))
        _ = test.get("/secret/path")
        _ = test.ask(.other, "/stats")
        _ = test.service.refuse(malformed: "m")
        #expect(
            log.all == [
                "PUT /keys/{key} 201 0.0 seconds", "GET /keys/{key} 200 0.0 seconds",
                "HEAD /keys/{key} 404 0.0 seconds",
                "GET /keys/{key} 400 0.0 seconds", "GET /keys 200 0.0 seconds", "POST /warm 200 0.0 seconds",
                "POST /warm 200 0.0 seconds", "PUT /keys/{key} 400 0.0 seconds", "GET unmatched 404 0.0 seconds",
                "OTHER /stats 405 0.0 seconds", "OTHER unmatched 400 0.0 seconds",
            ])
    }

    @Test func howLongItTook() throws {
        let log = Log()
        let test = try TestService(observer: { log.add($0) })
        let receiver = try WarmReceiver(service: test.service)
        test.clock.advance(by: .milliseconds(1500))
        _ = receiver.respond()
        #expect(log.all == ["POST /warm 200 1.5 seconds"])
    }

    /// What a log of requests has from here: the clock was looked at for the latencies anyway.
    @Test func responsesTellTheirTime() throws {
        let test = try TestService()
        test.put("/keys/a")
        test.clock.advance(by: .seconds(5))
        let now = test.cache.now
        let get = LiteralRequest(.get, "/keys/a").answer(by: test.service)
        #expect(get.began == now)
        #expect(get.ended == now)
        let live = LiteralRequest(.get, "/livez").answer(by: test.service)
        #expect(live.began == now)
        #expect(live.ended == nil)
        // A clock that a test moves is not the system's.
        #expect(!test.service.tellsTime)
        #expect(CacheService(cache: try ProductionCache(capacity: 1), version: "1").tellsTime)
    }
}
