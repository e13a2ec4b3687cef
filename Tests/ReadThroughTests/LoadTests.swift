import CacheCore
import TestSupport
import Testing
import Threading

@testable import ReadThrough

@Suite("Loads")
struct LoadTests {
    @Test("What is missing comes from the origin once, and from the cache then")
    func storing() throws {
        let origin = try ScriptedOrigin()
        origin.script(.ok(#"{ "a": 1.50 }"#))
        #expect("\(origin.get())" == #"value {"a":1.50} 200 stored"#)
        #expect("\(origin.get())" == #"fresh {"a":1.50}"#)
        origin.advance(by: .seconds(60))
        origin.script(.ok("2"))
        #expect("\(origin.get())" == "value 2 200 stored")
        #expect(origin.requests.map(\.url) == ["http://origin/items/a", "http://origin/items/a"])
    }

    @Test("However many wait for a key, it is one request")
    func singleFlight() throws {
        let origin = try ScriptedOrigin()
        let waiting = (0..<10_000).map { _ in origin.get() }
        #expect(origin.requests.count == 1)
        try origin.answer(.ok("1"))
        #expect("\(waiting[0])" == "value 1 200 stored")
        #expect(waiting.dropFirst().allSatisfy { "\($0)" == "value 1 200 stored, collapsed" })
        #expect(origin.requests.count == 1)
        #expect(origin.loader.figures[.collapsed] == 9999)
        #expect(origin.loader.figures[.values] == 1)
    }

    @Test("So it is when they come from many threads")
    func singleFlightOfThreads() throws {
        let origin = try ScriptedOrigin()
        let results = Box()
        try runThreads(8) { _ in
            for _ in 0..<500 {
                let got = origin.get()
                results.gots.withLock { $0.append(got) }
            }
        }
        try origin.answer(.ok("1"))
        #expect(origin.requests.count == 1)
        let gots = results.gots.withLock { $0 }
        #expect(gots.count == 4000)
        #expect(gots.allSatisfy { "\($0)".hasPrefix("value 1 200 stored") })
    }

    @Test("An answer removes the groups that it invalidates, and is stored itself", arguments: [200, 304, 404, 500])
    func groupInvalidation(status: Int) throws {
        let origin = try ScriptedOrigin(prefix: "items:")
        try origin.cache.putJSON("items:1", "1".utf8, tags: ["news", "sports"])
        try origin.cache.putJSON("items:2", "2".utf8, tags: ["weather"])
        try origin.cache.putJSON("users:1", "3".utf8, tags: ["news"])
        _ = origin.get("items:a")
        try origin.answer(
            .success(
                OriginAnswer(
                    status: 200, fields: [("cache-control", "max-age=1"), ("etag", "\"1\"")], body: Array("4".utf8))))
        origin.advance(by: .seconds(2))
        let got = origin.get("items:a")
        try origin.answer(
            .success(
                OriginAnswer(
                    status: status,
                    fields: [
                        ("cache-group-invalidation", "\"news\", \"nothing\""), ("cache-groups", "\"news\""),
                    ], body: Array("5".utf8))))
        let isHeeded = status < 500
        #expect(try origin.cache.get("items:1", as: Int.self) == (isHeeded ? nil : 1))
        #expect(try origin.cache.get("items:2", as: Int.self) == 2)
        #expect(try origin.cache.get("users:1", as: Int.self) == 3, "it is another origin's")
        if status == 200 { #expect("\(got)" == "value 5 200 stored") }
        #expect(origin.cache.getStats().deletes == (isHeeded ? 1 : 0))
    }

    @Test("A field that is malformed invalidates nothing")
    func malformedGroupInvalidation() throws {
        let origin = try ScriptedOrigin()
        try origin.cache.putJSON("b", "1".utf8, tags: ["news"])
        origin.script(
            .success(
                OriginAnswer(
                    status: 200, fields: [("cache-group-invalidation", "\"news\", news")], body: Array("1".utf8))))
        #expect("\(origin.get())" == "value 1 200 stored")
        #expect(try origin.cache.get("b", as: Int.self) == 1)
    }

    @Test("A value that is to be asked for each time is renewed by one request")
    func revalidatedEachTime() throws {
        let origin = try ScriptedOrigin()
        let fields = [("cache-control", "max-age=0, stale-if-error=60"), ("etag", "\"1\"")]
        origin.script(.success(OriginAnswer(status: 200, fields: fields, body: Array("1".utf8))))
        _ = origin.get()
        origin.always(.success(OriginAnswer(status: 304, fields: fields)))
        origin.advance(by: .seconds(1))
        #expect("\(origin.get())".hasPrefix("value 1 304 stored"))
        #expect(origin.requests.count == 2)
    }

    @Test("Who waits for a turn holds no lease")
    func noLeaseBeforeTheTurn() throws {
        let origin = try ScriptedOrigin { $0.mostFetches = 1 }
        let first = origin.get("a")
        let second = origin.get("b")
        // It was not being loaded yet.
        origin.cache.delete("b")
        try origin.answer(.ok("1"))
        try origin.answer(.ok("2"))
        #expect("\(first)" == "value 1 200 stored")
        #expect("\(second)" == "value 2 200 stored")
        #expect(origin.requests.count == 2)
    }

    @Test("An absence is an absence however often tags are deleted meanwhile")
    func absenceUnderDeletes() throws {
        let origin = try ScriptedOrigin()
        let got = origin.get()
        for _ in 0..<3 {
            origin.cache.deleteAll(tag: "other")
            try origin.answer(.success(OriginAnswer(status: 404)))
        }
        #expect("\(got)".hasPrefix("absent"), "\(got)")
    }

    @Test("However many turns end at once, none is within another")
    func manyTurnsThatEndAtOnce() throws {
        let origin = try ScriptedOrigin {
            $0.mostFetches = 1
            $0.mostWaiting = 200_000
        }
        let gots = (0..<100_000).map { origin.get("k\($0)") }
        origin.always(.failure(.timedOut))
        try origin.answer(.failure(.timedOut))
        #expect(gots.allSatisfy { "\($0)" != "waiting" })
    }

    @Test("A key of no route has no origin")
    func noOrigin() throws {
        let origin = try ScriptedOrigin(prefix: "items:")
        #expect("\(origin.get("users:1"))" == "no origin")
        #expect("\(origin.get("items:.."))" == "waiting", "it is one segment with the prefix in it")
        let strict = try ScriptedOrigin(prefix: "items:") { $0.stripsPrefix = true }
        #expect("\(strict.get("items:.."))" == "no origin")
        #expect(strict.requests.isEmpty)
    }

    @Test("The origin's headers and the time that is left go along, and a trace")
    func request() throws {
        let origin = try ScriptedOrigin {
            $0.headers = [(name: "Authorization", value: "Bearer s3cret")]
            $0.timeout = .seconds(3)
        }
        Array("a".utf8).withUnsafeBytes { key in
            origin.loader.load(key, traceparent: "00-1-2-01") { _, _ in }
        }
        let request = try #require(origin.requests.first)
        #expect(
            request.headers.map { "\($0.name): \($0.value)" } == [
                "Authorization: Bearer s3cret", "Accept: application/json", "traceparent: 00-1-2-01",
            ])
        #expect(request.timeout == .seconds(3))
        #expect(request.maxBodyBytes == 1000)
    }

    @Test("An answer that must not be stored is for those who wait alone")
    func noStore() throws {
        let origin = try ScriptedOrigin()
        origin.always(.ok("1", [("cache-control", "no-store")]))
        #expect("\(origin.get())" == "value 1 200")
        #expect("\(origin.get())" == "value 1 200")
        #expect(origin.requests.count == 2)
    }

    @Test(
        "What is no value is a failure",
        arguments: [
            (Result<OriginAnswer, FetchFailure>.ok("<html>"), "origin_failed 200"), (.ok(""), "origin_failed 200"),
            (.ok("\"" + String(repeating: "x", count: 999) + "\""), "origin_failed 200"),
            (.status(500), "origin_failed 500"),
            (.status(302), "origin_failed 302"), (.status(204), "origin_failed 204"),
            (.status(304), "origin_failed 304"),
            (.status(401), "origin_failed 401"), (.failure(.tooLarge), "origin_failed"),
            (.failure(.timedOut), "origin_timeout"),
            (.failure(.broken("it broke")), "origin_failed"), (.failure(.unreadable("no HTTP")), "origin_failed"),
        ])
    func failures(answer: Result<OriginAnswer, FetchFailure>, outcome: String) throws {
        let origin = try ScriptedOrigin()
        origin.script(answer, .ok("1"))
        #expect("\(origin.get())" == outcome)
        #expect("\(origin.get())" == "value 1 200 stored", "nothing of a failure is kept")
        #expect(origin.loader.figures[.failures] == 1)
    }

    @Test(
        "Clients are told what kind of failure it was, and the log why",
        arguments: [
            (FetchFailure.unreachable("connection refused to 10.0.0.5:8080"), "the origin cannot be reached"),
            (.broken("http://10.0.0.5:8080: reset"), "the origin's answer broke off"),
            (.unreadable("http://10.0.0.5:8080: no HTTP"), "the origin gave no answer that can be read"),
            (.notAsked("there is no memory for a request"), "the server could not ask the origin"),
            (.timedOut, "the origin did not answer within 5.0 seconds"),
            (.tooLarge, "the origin's answer has more than 1000 bytes, which is the most for a value"),
        ])
    func reasons(failure: FetchFailure, detail: String) throws {
        let origin = try ScriptedOrigin()
        origin.always(.failure(failure))
        let told = Locked<[String]>([])
        Array("a".utf8).withUnsafeBytes { key in
            origin.loader.load(key) { outcome, _ in
                guard case .failure(let failure) = outcome.result else { return }
                told.withLock { $0.append(failure.detail) }
            }
        }
        #expect(told.withLock { $0 } == [detail])
        #expect(origin.faults == [failure])
    }

    @Test("An attempt that may pass by itself is repeated, within the time there is")
    func retries() throws {
        let origin = try ScriptedOrigin {
            $0.retries = 2
            $0.timeout = .seconds(1)
        }
        origin.script(.status(503), .failure(.broken("")), .ok("1"))
        let got = origin.get()
        #expect("\(got)" == "waiting")
        origin.advance(by: .milliseconds(50))
        #expect(origin.requests.count == 2)
        origin.advance(by: .milliseconds(100))
        #expect("\(got)" == "value 1 200 stored")
        #expect(origin.requests.map(\.timeout) == [.milliseconds(1000), .milliseconds(950), .milliseconds(850)])

        origin.script(.status(503, [("retry-after", "5")]))
        #expect("\(origin.get("b"))" == "origin_failed 503", "there is no time for what the origin wants")
        origin.script(.status(500))
        #expect("\(origin.get("c"))" == "origin_failed 500", "not all is worth repeating")
    }

    @Test("Of the groups of an answer become tags")
    func groups() throws {
        let origin = try ScriptedOrigin()
        origin.script(.ok("1", [("cache-groups", #""news", "author:3""#)]))
        #expect("\(origin.get())" == "value 1 200 stored")
        #expect(origin.cache.deleteAll(tag: "author:3") == 1)
        origin.script(.ok("2", [("cache-groups", "news")]))
        #expect("\(origin.get())" == "value 2 200 stored", "a malformed field is as if it was not there")
    }

    // MARK: Changes meanwhile

    @Test("What is put during a load stays, and is what the others get")
    func putMeanwhile() throws {
        let origin = try ScriptedOrigin()
        let got = origin.get()
        try origin.cache.putJSON("a", "2".utf8)
        try origin.answer(.ok("1"))
        #expect("\(got)" == "value 2 200")
        #expect("\(origin.get())" == "fresh 2")
    }

    @Test("A delete during a load is not undone: it is loaded anew")
    func deleteMeanwhile() throws {
        let origin = try ScriptedOrigin()
        let early = origin.get()
        origin.cache.delete("a")
        let late = origin.get()
        try origin.answer(.ok("1"))
        #expect("\(late)" == "waiting", "1 may be from before the delete")
        try origin.answer(.ok("2"))
        #expect("\(early)" == "value 2 200 stored")
        #expect("\(late)" == "value 2 200 stored, collapsed")
        #expect("\(origin.get())" == "fresh 2")
    }

    @Test("Deletes without end end in a value that is not kept")
    func deletesMeanwhile() throws {
        let origin = try ScriptedOrigin()
        let got = origin.get()
        for round in 1...3 {
            origin.cache.deleteAll(prefix: "")
            try origin.answer(.ok("\(round)"))
        }
        #expect("\(got)" == "value 3 200")
        #expect(origin.cache.getJSON("a") == nil)
    }

    @Test("A delete during a load that finds nothing is not undone either")
    func deleteBeforeAbsence() throws {
        let origin = try ScriptedOrigin()
        let got = origin.get()
        origin.cache.delete("a")
        try origin.answer(.status(404))
        #expect("\(got)" == "waiting")
        try origin.answer(.ok("1"))
        #expect("\(got)" == "value 1 200 stored")
    }

    private final class Box: Sendable {
        let gots = Locked<[Got]>([])
    }
}
