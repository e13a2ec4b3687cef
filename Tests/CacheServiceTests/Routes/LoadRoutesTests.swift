import CacheCore
import Foundation
import MicroHTTP
import ReadThrough
import TestSupport
import Testing
import Threading

@testable import CacheService

/// An origin that answers when a test says so.
private final class SlowOrigin: Sendable {
    private let waiting = Locked<
        [(request: OriginRequest, answer: @Sendable (Result<OriginAnswer, FetchFailure>) -> Void)]
    >([])
    private let seen = Tally()

    func origins(_ change: (inout OriginRoute) -> Void = { _ in }) throws -> Origins {
        var route = OriginRoute(template: try OriginTemplate("http://origin/{key}"))
        route.timeToLive = .seconds(60)
        route.retries = 0
        change(&route)
        return Origins(
            routes: [route],
            fetch: { [self] request, answer in
                seen.add()
                waiting.withLock { $0.append((request, answer)) }
            },
            later: { _, _ in })
    }

    var requests: Int { seen.value }
    var urls: [String] { waiting.withLock { $0.map(\.request.url) } }
    var headers: [[String]] { waiting.withLock { $0.map { $0.request.headers.map(\.name) } } }

    /// Answers all requests that wait.
    func answer(_ status: Int = 200, _ body: String = "1", _ fields: [(name: String, value: String)] = []) {
        fulfill(.success(OriginAnswer(status: status, fields: fields, body: Array(body.utf8))))
    }

    func fail(_ failure: FetchFailure) { fulfill(.failure(failure)) }

    private func fulfill(_ result: Result<OriginAnswer, FetchFailure>) {
        let all = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for (_, answer) in all { answer(result) }
    }
}

/// A response that may still be to come.
private final class Awaited: Sendable {
    private let reply = Locked<Reply?>(nil)

    init(_ reply: consuming MicroHTTP.Reply) {
        switch consume reply {
        case .now(let response): keep(Reply(response))
        case .later(let pending):
            pending.onFulfilled { response in
                switch consume response {
                case .some(let response): self.keep(Reply(response))
                case nil: break
                }
            }
        }
    }

    private func keep(_ reply: Reply) { self.reply.withLock { $0 = reply } }

    var value: Reply? { reply.withLock { $0 } }
}

extension TestService {
    fileprivate func begin(_ target: String, headers: [(String, String)] = []) -> Awaited {
        begin(.get, target, headers: headers)
    }

    fileprivate func begin(
        _ method: MicroHTTP.Method, _ target: String, headers: [(String, String)] = [], body: String = ""
    ) -> Awaited {
        Awaited(LiteralRequest(method, target, headers: headers, body: Array(body.utf8)).reply(by: service))
    }
}

struct LoadRoutesTests {
    private let origin = SlowOrigin()

    private func service(_ change: (inout OriginRoute) -> Void = { _ in }) throws -> TestService {
        try TestService(origins: try origin.origins(change))
    }

    /// The response, which must be there.
    private func now(_ awaited: Awaited) throws -> Reply { try #require(awaited.value) }

    @Test("A miss waits for the load, and tells what became of it")
    func loading() throws {
        let test = try service()
        let first = test.begin("/keys/a")
        let second = test.begin("/keys/a")
        #expect(first.value == nil)
        #expect(origin.urls == ["http://origin/a"])
        origin.answer(200, #"{ "x": 1 }"#)
        let reply = try now(first)
        #expect(reply.status == 200)
        #expect(reply.text == #"{"x":1}"#)
        #expect(reply["Content-Type"] == "application/json")
        #expect(reply["Cache-Control"] == "max-age=60")
        #expect(reply["Age"] == "0")
        #expect(reply["Cache-Status"] == "production-cache; fwd=uri-miss; fwd-status=200; stored")
        #expect(try now(second)["Cache-Status"] == "production-cache; fwd=uri-miss; fwd-status=200; stored; collapsed")
        let hit = test.get("/keys/a")
        #expect(hit["Cache-Status"] == "production-cache; hit; ttl=60")
        #expect(hit["ETag"] == reply["ETag"])
        #expect(hit.headerNames == reply.headerNames)
        #expect(test.reads == (hits: 1, misses: 2))
    }

    @Test("HEAD loads as GET does; other methods never do")
    func methods() throws {
        let test = try service()
        let head = test.begin(.head, "/keys/a")
        origin.answer()
        #expect(try now(head).status == 200)
        #expect(test.ask(.delete, "/keys/b").status == 404)
        #expect(test.ask(.patch, "/keys/b", body: "{}").status == 404)
        #expect(test.post("/incr", #"{"key":"b"}"#).status == 200)
        #expect(test.get("/keys/c?lease=5s").status == 404, "who takes a lease loads the value itself")
        #expect(origin.requests == 1)
    }

    @Test("A condition is about what is loaded")
    func conditions() throws {
        let test = try service()
        test.put("/keys/other", "1")
        let tag = try #require(test.get("/keys/other")["ETag"])
        let same = test.begin("/keys/a", headers: [("If-None-Match", tag)])
        let coded = test.begin("/keys/a", headers: [("If-None-Match", tag.dropLast() + "-gzip\"")])
        let unlike = test.begin("/keys/a", headers: [("If-Match", #""AAAAAAAAAAA""#)])
        origin.answer(200, "1")
        #expect(try now(same).status == 304)
        #expect(try now(same)["ETag"] == tag)
        #expect(try now(coded).status == 304)
        #expect(try now(coded)["ETag"] == tag.dropLast() + "-gzip\"")
        #expect(try now(unlike).status == 412)
    }

    @Test("Nothing of a client goes to the origin, but for the trace that it is part of")
    func clientHeaders() throws {
        let test = try service { $0.headers = [(name: "X-Api-Key", value: "s3cret")] }
        _ = test.begin(
            "/keys/a",
            headers: [
                ("Authorization", "Bearer client"), ("Cookie", "a=b"), ("X-Other", "1"),
                ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ])
        _ = test.begin("/keys/b", headers: [("traceparent", "00-\u{7F}")])
        #expect(origin.headers == [["X-Api-Key", "Accept", "traceparent"], ["X-Api-Key", "Accept"]])
        origin.answer()
    }

    @Test("What the origin has not is 404, and known for a while; a write or a delete of the key ends that")
    func absence() throws {
        let test = try service()
        let first = test.begin("/keys/a")
        origin.answer(404)
        #expect(try now(first).status == 404)
        #expect(try now(first)["Cache-Status"] == "production-cache; fwd=uri-miss; fwd-status=404; stored")
        let second = test.get("/keys/a")
        #expect(second.status == 404)
        #expect(second["Cache-Status"] == "production-cache; hit; ttl=5")
        for forget in [
            { test.ask(.delete, "/keys/a").status }, { test.ask(.delete, "/keys?prefix=a").status },
            { test.post("/mdelete", #"["a"]"#).status },
            { test.put("/keys/a").status + test.ask(.delete, "/keys/a").status },
            { test.post("/mput", #"{"items":{"a":1}}"#).status + test.cache.deleteAll(prefix: "") },
            { test.post("/mput", #"{"items":[{"key":"a","value":1}]}"#).status + (test.cache.delete("a") ? 1 : 0) },
            { test.post("/incr", #"{"key":"a"}"#).status + (test.cache.delete("a") ? 1 : 0) },
        ] {
            _ = forget()
            let again = test.begin("/keys/a")
            #expect(again.value == nil)
            origin.answer(404)
        }
    }

    @Test("A failure is a problem that says what was wrong")
    func failures() throws {
        let test = try service()
        func problem(_ fulfill: () -> Void) throws -> (Int, String, String, String) {
            let awaited = test.begin("/keys/a")
            fulfill()
            let reply = try now(awaited)
            let object = try reply.object
            return (
                reply.status, try #require(object["code"] as? String), try #require(object["detail"] as? String),
                try #require(reply["Cache-Status"])
            )
        }
        let lost = "production-cache; fwd=uri-miss"
        #expect(
            try problem { origin.answer(500) } == (
                502, "origin_failed", "the origin answered 500", "\(lost); fwd-status=500"
            ))
        #expect(
            try problem { origin.fail(.timedOut) } == (
                504, "origin_timeout", "the origin did not answer within 5.0 seconds", lost
            ))
        #expect(
            try problem { origin.answer(200, "<html>") } == (
                502, "origin_failed", "the origin's answer is not JSON: expected a value, at byte 0",
                "\(lost); fwd-status=200"
            ))
        #expect(
            try problem { origin.fail(.tooLarge) } == (
                502, "origin_failed", "the origin's answer has more than 8388608 bytes, which is the most for a value",
                lost
            ))
        #expect(
            try problem { origin.answer(301) } == (
                502, "origin_failed", "the origin answered 301; redirects are not followed", "\(lost); fwd-status=301"
            ))
    }

    @Test("An origin that fails too often is not asked, and says when it will be")
    func unavailable() throws {
        let test = try service()
        for _ in 0..<10 {
            _ = test.begin("/keys/a")
            origin.answer(503)
        }
        let reply = test.get("/keys/a")
        #expect(reply.status == 503)
        #expect(reply["Retry-After"] == "1")
        #expect(try reply.object["code"] as? String == "origin_unavailable")
        #expect(reply["Cache-Status"] == "production-cache; fwd=uri-miss")
        let origin = try test.get("/stats").object["origin"] as? [String: Any]
        #expect(origin?["breaker"] as? String == "open")
        #expect(origin?["rejected"] as? Int == 1)
        #expect(origin?["load_failures"] as? Int == 11)
    }

    @Test("A value past its expiry is served as such, and says why")
    func stale() throws {
        let test = try service {
            $0.staleWhileRevalidate = .seconds(10)
            $0.staleIfError = .seconds(20)
        }
        _ = test.begin("/keys/a")
        origin.answer()
        test.clock.advance(by: .seconds(63))
        let revalidating = test.get("/keys/a")
        #expect(revalidating.status == 200)
        #expect(revalidating["Cache-Status"] == "production-cache; hit; ttl=-3")
        #expect(revalidating["Cache-Control"] == "no-store")
        origin.answer(500)
        test.clock.advance(by: .seconds(10))
        let failed = test.begin("/keys/a")
        origin.answer(500)
        #expect(try now(failed).status == 200)
        #expect(
            try now(failed)["Cache-Status"]
                == "production-cache; fwd=stale; fwd-status=500; ttl=-13; detail=origin_failed")
        #expect(try now(failed)["Age"] == "73")
        let renewed = test.begin("/keys/a")
        origin.answer(200, "2")
        #expect(try now(renewed)["Cache-Status"] == "production-cache; fwd=stale; fwd-status=200; stored")
        #expect(test.get("/metrics").text.contains("cache_stale_served_total 2\n"))
    }

    @Test("mget loads what is missing, so many at a time, and tells what it could not have")
    func mget() throws {
        let test = try service { $0.mostFetches = 2 }
        test.put("/keys/here", "0")
        let reply = test.begin(.post, "/mget", body: #"["a","here","b","c","d"]"#)
        #expect(origin.urls == ["http://origin/a", "http://origin/b"])
        origin.answer(200, "1")
        #expect(origin.urls == ["http://origin/c", "http://origin/d"])
        #expect(reply.value == nil)
        origin.answer(404)
        #expect(try now(reply).text == #"{"values":{"a":1,"here":0,"b":1},"missing":["c","d"]}"# + "\n")
        #expect(test.reads == (hits: 1, misses: 4))

        let failing = test.begin(.post, "/mget", body: #"["a","c","e"]"#)
        origin.answer(500)
        #expect(
            try now(failing).text == """
                {"values":{"a":1},"missing":["c","e"],\
                "errors":[{"key":"e","code":"origin_failed","detail":"the origin answered 500"}]}

                """)
    }

    @Test("Values of an mget that are large are right, loaded or not")
    func largeValues() throws {
        let test = try service()
        let large = "\"" + String(repeating: "x", count: 100_000) + "\""
        test.put("/keys/here", large)
        let reply = test.begin(.post, "/mget", body: #"["a","here","b"]"#)
        origin.answer(200, large)
        #expect(
            try now(reply).text == #"{"values":{"a":\#(large),"here":\#(large),"b":\#(large)},"missing":[]}"# + "\n")
    }

    @Test("Ten thousand requests for a key are one of the origin")
    func stampede() throws {
        let test = try service()
        let all = (0..<10_000).map { _ in test.begin("/keys/a") }
        #expect(origin.requests == 1)
        origin.answer()
        #expect(all.allSatisfy { $0.value?.status == 200 })
        let figures = try test.get("/stats").object["origin"] as? [String: Any]
        #expect(figures?["loads"] as? Int == 1)
        #expect(figures?["collapsed"] as? Int == 9999)
    }

    @Test("A token for some keys loads those alone")
    func confinement() throws {
        let token = "s3cret"
        let digest = "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0"
        let tokens = try AccessTokens(Array("\(digest) read items:".utf8))
        let test = try TestService(access: AccessControl(tokens), origins: try origin.origins())
        let headers = [("Authorization", "Bearer \(token)")]
        #expect(test.ask(.get, "/keys/users:1", headers: headers).status == 403)
        #expect(test.get("/keys/items:1").status == 401)
        #expect(origin.requests == 0)
        let awaited = test.begin("/keys/items:1", headers: headers)
        origin.answer()
        #expect(try now(awaited).status == 200)
    }

    @Test("Figures are told, and start anew")
    func figures() throws {
        let test = try service()
        _ = test.begin("/keys/a")
        origin.answer()
        let metrics = test.get("/metrics").text
        for line in [
            "cache_loads_total{result=\"value\"} 1", "cache_load_duration_seconds_count 1",
            "cache_load_duration_seconds_bucket{le=\"+Inf\"} 1", "cache_loads_in_flight 0",
            "cache_origin_breaker_state 0",
        ] {
            #expect(metrics.contains(line + "\n"), "\(line)")
        }
        #expect(test.ask(.delete, "/stats").status == 204)
        let origin = try test.get("/stats").object["origin"] as? [String: Any]
        #expect(origin?["loads"] as? Int == 0)
    }
}
