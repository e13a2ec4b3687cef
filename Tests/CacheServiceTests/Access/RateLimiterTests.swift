internal import CacheCore
internal import MicroHTTP
internal import TestSupport
internal import Testing

@testable internal import CacheService

struct RateLimiterTests {
    private static let second: Int64 = 1_000_000_000
    private let address = ClientAddress("192.0.2.7")!

    @Test func aBucketIsEmptiedAndFilledAgain() {
        let limiter = RateLimiter(rate: 10, burst: 3)
        let client = RateLimiter.Client.address(address)
        #expect((0..<3).map { _ in limiter.take(client, now: 0).remaining } == [2, 1, 0])
        let refused = limiter.take(client, now: 0)
        #expect(!refused.isAllowed && refused.remaining == 0 && refused.wait == Self.second / 10)
        #expect(!limiter.take(client, now: Self.second / 10 - 1).isAllowed)
        #expect(limiter.take(client, now: Self.second / 10).isAllowed)
        #expect(limiter.take(.local, now: 0).remaining == 2, "another client has a bucket of its own")
        // It holds no more than the burst, however long nobody asks.
        #expect(limiter.take(client, now: 1000 * Self.second).remaining == 2)
        #expect(limiter.take(client, now: 0).remaining == 1, "time does not go back")
        #expect(limiter.take(client, now: 0, takes: false).remaining == 1)
        #expect(limiter.take(client, now: 0).remaining == 0)
    }

    /// What is allowed in the long run is the rate, whoever asks however often.
    @Test func theRateIsKept() {
        var random = TestSeed.generator()
        let limiter = RateLimiter(rate: 50, burst: 5)
        var now: Int64 = 0
        var allowed = 0
        while now < 100 * Self.second {
            now += Int64(random.below(10_000_000))
            if limiter.take(.local, now: now).isAllowed { allowed += 1 }
        }
        #expect((4990...5006).contains(allowed), "\(allowed)")
    }

    @Test func manyClientsTakeBoundedMemory() {
        let limiter = RateLimiter(rate: 1, burst: 1)
        for number in 0..<300_000 { _ = limiter.take(.token(UInt64(number)), now: 0) }
        #expect(limiter.clientCount <= 16 * RateLimiter.mostClientsOfPart)
    }

    @Test func aRequestBeyondTheRateIsRefused() throws {
        let test = try TestService(rateLimiter: RateLimiter(rate: 1, burst: 2))
        func get(_ target: String = "/keys/a", from address: String = "192.0.2.7") -> Reply {
            test.ask(.get, target, from: ClientAddress(address))
        }
        #expect(get().status == 404)
        let last = get()
        #expect(last["RateLimit"] == "\"client\";r=0" && last["RateLimit-Policy"] == "\"client\";q=2;w=2")
        let refused = get()
        try expect(
            refused,
            is: ExpectedProblem(
                429, "rate_limited", "there were more than 1 requests a second, and 2 at once, from this client"))
        #expect(refused["Retry-After"] == "1" && refused["RateLimit"] == "\"client\";r=0")
        // Not these, and not another client; of IPv6, a client has a /64.
        for target in ["/livez", "/readyz", "/healthz"] { #expect(get(target).status == 200) }
        #expect(test.ask(.options, "/keys/a", from: address).status == 204)
        #expect(get(from: "192.0.2.8").status == 404)
        #expect(["2001:db8::1", "2001:db8::2", "2001:db8::ffff"].map { get(from: $0).status } == [404, 404, 429])
        #expect(get(from: "2001:db8:0:1::1").status == 404)
        test.clock.advance(by: .seconds(1))
        #expect(get().status == 404 && get().status == 429)
        #expect(test.reads.misses == 7, "what is refused is no read")
    }

    @Test func aBodyCountsOnceAndIsRefusedUnread() throws {
        let test = try TestService(rateLimiter: RateLimiter(rate: 1, burst: 2))
        let large = Array((String(repeating: " ", count: 100_000) + "1").utf8)
        #expect(test.ask(.put, "/keys/a", body: large, from: address).status == 201)
        #expect(test.ask(.post, "/warm", body: Array("{\"key\":\"b\",\"value\":1}".utf8), from: address).status == 200)
        for (method, target) in [(MicroHTTP.Method.put, "/keys/c"), (.post, "/warm")] {
            let refused = test.ask(method, target, body: large, from: address)
            #expect(refused.status == 429)
        }
        #expect(test.cache.getStats().puts == 2)
    }

    @Test func aTokenIsAClientWhereverItAsksFrom() throws {
        let digest = Array("t".utf8).withUnsafeBytes { AccessTokens.sha256($0) }
        let line = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + " read"
        let test = try TestService(
            access: AccessControl(try AccessTokens(Array(line.utf8))), rateLimiter: RateLimiter(rate: 1, burst: 2))
        func get(_ token: String, from address: String) -> Int {
            test.ask(
                .get, "/keys/a", headers: [("Authorization", "Bearer \(token)")], from: ClientAddress(address)
            ).status
        }
        #expect(
            [get("t", from: "192.0.2.1"), get("t", from: "192.0.2.2"), get("t", from: "192.0.2.3")] == [404, 404, 429])
        // Who guesses tokens is counted by the address.
        #expect((0..<3).map { get("guess\($0)", from: "192.0.2.4") } == [401, 401, 429])
    }

    @Test func anAddressIsReadFromItsText() {
        #expect(ClientAddress("::ffff:192.0.2.7") == address)
        #expect(address.network == address)
        #expect(ClientAddress("2001:db8::1")?.network == ClientAddress("2001:db8::ffff:1")?.network)
        for text in ["", "192.0.2", "host", "192.0.2.7:80", "[::1]"] { #expect(ClientAddress(text) == nil) }
    }
}
