internal import CacheCore
internal import Foundation
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `GET /keys/{key}?lease=`, `PUT` with `Lease`, and values that are kept past their expiry.
struct LeaseRoutesTests {
    private let test: TestService

    init() throws { test = try TestService() }

    private func token(_ path: String = "/keys/k?lease=5s") throws -> String {
        try #require(try test.get(path)["Lease"])
    }

    private func fill(_ token: String, _ body: String = "1", path: String = "/keys/k") -> Reply {
        test.put(path, body, headers: [("Lease", token)])
    }

    @Test func oneCallerIsToLoadAndFillsTheKey() throws {
        let first = test.get("/keys/k?lease=5s")
        try expect(first, is: ExpectedProblem(404, "key_not_found"))
        #expect(first.headerNames == ["Content-Type", "Cache-Status", "Cache-Control", "Lease"])
        #expect(first["Cache-Status"] == "production-cache; fwd=uri-miss")
        #expect(first["Cache-Control"] == "no-store")
        let token = try #require(first["Lease"])
        #expect(try Regex("[0-9a-f]{32}").wholeMatch(in: token) != nil)

        test.clock.advance(by: .milliseconds(1500))
        let second = test.get("/keys/k?lease=5s")
        try expect(second, is: ExpectedProblem(404, "key_not_found"))
        #expect(second.headerNames == ["Content-Type", "Cache-Status", "Cache-Control", "Retry-After"])
        #expect(second["Retry-After"] == "4")

        #expect(fill(token, "42").status == 201)
        let hit = test.get("/keys/k?lease=5s")
        #expect(hit.status == 200 && hit.text == "42")
        #expect(hit.headerNames == ["Content-Type", "ETag", "Age", "Cache-Status"])
        #expect(test.reads == (hits: 1, misses: 2))
    }

    @Test func aLostLeaseFillsNothing() throws {
        let lost = ExpectedProblem(409, "lease_lost")
        let late = try token()
        test.clock.advance(by: .seconds(5))
        try expect(fill(late), is: lost)
        let deleted = try token()
        #expect(test.ask(.delete, "/keys/k").status == 404)
        try expect(fill(deleted), is: lost)
        let written = try token()
        test.put("/keys/k", "2")
        try expect(fill(written), is: lost)
        #expect(test.get("/keys/k").text == "2")
        #expect(test.ask(.delete, "/keys/k").status == 204)
        let other = try token("/keys/other?lease=5")
        try expect(fill(other), is: lost)
        try expect(fill(String(repeating: "0", count: 32)), is: lost)
        #expect(test.get("/keys/k").status == 404)
        let stats = try #require(try test.get("/stats").object["leases"] as? [String: Int])
        #expect(stats == ["granted": 4, "filled": 0, "lost": 5])
        let metrics = test.get("/metrics").text
        for line in ["granted\"} 4", "filled\"} 0", "lost\"} 5"] {
            #expect(metrics.contains("cache_leases_total{result=\"\(line)\n"))
        }
    }

    @Test(arguments: ["/keys?prefix=k", "/keys", "/tags/any"])
    func aDeleteOfManyTakesLeasesToo(path: String) throws {
        let token = try token()
        #expect(test.ask(.delete, path).status == 200)
        try expect(fill(token), is: ExpectedProblem(409, "lease_lost"))
    }

    @Test func aFillObeysConditions() throws {
        let token = try token()
        let reply = test.put("/keys/k", "1", headers: [("Lease", token), ("If-Match", "*")])
        try expect(reply, is: ExpectedProblem(412, "precondition_failed"))
        // It changed nothing, so the lease is held still.
        #expect(fill(token).status == 201)
    }

    @Test func aBadValueLeavesTheLease() throws {
        let token = try token()
        try expect(fill(token, "{"), is: ExpectedProblem(400, "invalid_json"))
        #expect(fill(token, "1").status == 201)
    }

    @Test(arguments: ["5s", "5", "5.0s", "5000ms", "0.5s", "1m", "60", "60s", "1ms"])
    func durationsAreReadAsInSettings(text: String) throws {
        let seconds = [
            "5s": 5, "5": 5, "5.0s": 5, "5000ms": 5, "0.5s": 0.5, "1m": 60, "60": 60, "60s": 60, "1ms": 0.001,
        ][text]!
        let token = try token("/keys/k?lease=\(text)")
        test.clock.advance(by: .nanoseconds(Int64(seconds * 1e9) - 1))
        #expect(test.get("/keys/k?lease=5s")["Retry-After"] == "1")
        test.clock.advance(by: .nanoseconds(1))
        #expect(fill(token).status == 409)
    }

    @Test(arguments: [
        "", "0", "0s", "-1", "61", "61s", "1h", "2m", "s", "5 s", "1e1", "5S", "five", "0.", "60001ms", "%ff",
    ])
    func whatIsNoDurationIsRefused(text: String) throws {
        let target = "/keys/k?lease=\(text.replacing(" ", with: "%20"))"
        try expect(test.get(target), is: ExpectedProblem(400, "invalid_query"))
        #expect(test.cache.getStats().leasesGranted == 0)
    }

    @Test(arguments: ["", "0", String(repeating: "g", count: 32), String(repeating: "0", count: 33)])
    func whatIsNoTokenIsRefused(text: String) throws {
        try expect(fill(text), is: ExpectedProblem(400, "invalid_header"))
        #expect(test.get("/keys/k").status == 404)
    }

    @Test func twoTokensAreNone() throws {
        let token = try token()
        let reply = test.put("/keys/k", "1", headers: [("Lease", token), ("Lease", token)])
        try expect(reply, is: ExpectedProblem(400, "invalid_header"))
    }

    @Test func headTakesNone() {
        #expect(test.ask(.head, "/keys/k?lease=5s").headerNames == ["Content-Type", "Cache-Status"])
        #expect(test.ask(.head, "/keys/k?lease=bad").status == 404)
        #expect(test.cache.getStats().leasesGranted == 0)
    }

    // MARK: Stale values

    @Test func aStaleValueComesWithTheLease() throws {
        let stored = test.put(
            "/keys/k?ttl=10", "42", headers: [("Cache-Control", "stale-while-revalidate=30, stale-if-error=20")])
        test.clock.advance(by: .milliseconds(10_400))
        try expect(test.get("/keys/k"), is: ExpectedProblem(404, "key_not_found"))
        let first = test.get("/keys/k?lease=5s")
        #expect(first.status == 200 && first.text == "42")
        #expect(first["Cache-Status"] == "production-cache; hit; ttl=-1")
        #expect(first["Cache-Control"] == "no-store")
        #expect(first["Age"] == "10")
        #expect(first["ETag"] == stored["ETag"])
        let token = try #require(first["Lease"])
        let second = test.get("/keys/k?lease=5s")
        #expect(second.status == 200 && second.text == "42")
        #expect(second["Lease"] == nil)
        #expect(second["Retry-After"] == "5")
        let third = test.ask(.get, "/keys/k?lease=5s", headers: [("If-None-Match", stored["ETag"]!)])
        #expect(third.status == 304)
        #expect(third["Cache-Status"] == "production-cache; hit; ttl=-1")
        #expect(try test.get("/stats").object["stale_entries"] as? Int == 1)
        #expect(try test.get("/stats").object["current_size"] as? Int == 0)
        #expect(fill(token, "43").status == 201)
        #expect(test.get("/keys/k").text == "43")
        #expect(test.reads == (hits: 1, misses: 4))
    }

    @Test func aStaleValueGoesInItsTime() {
        test.put("/keys/k?ttl=10", "42", headers: [("Cache-Control", "stale-if-error=20")])
        test.clock.advance(by: .seconds(29))
        #expect(test.get("/keys/k?lease=1s")["Cache-Status"] == "production-cache; hit; ttl=-19")
        test.clock.advance(by: .seconds(1))
        #expect(test.get("/keys/k?lease=1s").status == 404)
    }

    @Test func aDeleteOfAStaleValueIsOfNothingButItIsGone() throws {
        test.put("/keys/k?ttl=10", "42", headers: [("Cache-Control", "stale-if-error=20")])
        test.clock.advance(by: .seconds(11))
        try expect(test.ask(.delete, "/keys/k"), is: ExpectedProblem(404, "key_not_found"))
        #expect(test.get("/keys/k?lease=1s").status == 404)
    }

    @Test func maxAgeWillDoForATimeToLive() {
        test.put("/keys/k", "42", headers: [("Cache-Control", "max-age=10, stale-while-revalidate=\"5\"")])
        test.clock.advance(by: .seconds(14))
        #expect(test.get("/keys/k?lease=1s").status == 200)
        #expect(test.put("/keys/none", "1", headers: [("Cache-Control", "stale-while-revalidate=0")]).status == 201)
    }

    @Test(arguments: [
        "stale-while-revalidate=5", "max-age=5, stale-if-error=x", "max-age=5, stale-if-error",
        "max-age=5, stale-if-error=-1",
        "max-age=5, stale-while-revalidate=1.5", "max-age=5, stale-while-revalidate=315360001",
    ])
    func whatCannotBeKeptIsRefused(field: String) throws {
        let reply = test.put("/keys/k", "1", headers: [("Cache-Control", field)])
        try expect(reply, is: ExpectedProblem(400, "invalid_ttl"))
        #expect(test.get("/keys/k").status == 404)
    }

    @Test func noneOfTheOthersSeesIt() throws {
        test.put("/keys/k?ttl=10", "42", headers: [("Cache-Control", "stale-if-error=20")])
        test.clock.advance(by: .seconds(11))
        #expect(test.ask(.head, "/keys/k?lease=1s").status == 404)
        #expect(test.post("/mget", "[\"k\"]").text == "{\"values\":{},\"missing\":[\"k\"]}\n")
        #expect(test.get("/export").text == "")
        #expect(test.get("/keys").text.contains("\"keys\":[]"))
        #expect(test.post("/touch", "{\"keys\":[\"k\"],\"ttl\":5}").text == "{\"touched\":0}\n")
        #expect(test.ask(.patch, "/keys/k", body: "{}").status == 404)
        try expect(
            test.put("/keys/k", "1", headers: [("If-Match", "*")]), is: ExpectedProblem(412, "precondition_failed"))
        #expect(test.put("/keys/k", "1", headers: [("If-None-Match", "*")]).status == 201)
    }

    // MARK: Who may

    @Test func aLeaseNeedsTheRightToWrite() throws {
        // printf %s reader | sha256sum, and of writer
        let lines =
            "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30 read\n"
            + "b93006774cbdd4b299389a03ac3d88c3a76b460d538795bc12718011a909fba5 write user:\n"
        let tokens = try AccessTokens(Array(lines.utf8))
        let test = try TestService(access: AccessControl(tokens))
        func ask(_ who: String, _ target: String) -> Reply {
            test.ask(.get, target, headers: [("Authorization", "Bearer \(who)")])
        }
        #expect(ask("reader", "/keys/user:1").status == 404)
        try expect(
            ask("reader", "/keys/user:1?lease=5s"),
            is: ExpectedProblem(
                403, "forbidden", "the token has the scope read; GET /keys/{key}?lease= needs write"))
        #expect(ask("writer", "/keys/user:1?lease=5s")["Lease"] != nil)
        try expect(ask("writer", "/keys/k?lease=5s"), is: ExpectedProblem(403, "forbidden"))
    }
}
