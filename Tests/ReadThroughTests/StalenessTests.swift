import CacheCore
import TestSupport
import Testing

@testable import ReadThrough

@Suite("Loads past and ahead of the expiry, and of what is not there")
struct StalenessTests {
    private func origin(_ change: (inout OriginRoute) -> Void = { _ in }) throws -> ScriptedOrigin {
        let origin = try ScriptedOrigin(change)
        origin.script(.ok("1", [("etag", #""v1""#)]))
        #expect("\(origin.get())" == "value 1 200 stored")
        return origin
    }

    // MARK: Stale values

    @Test("While a value is loaded anew the old one is served, for as long as that is allowed")
    func staleWhileRevalidate() throws {
        let origin = try origin { $0.staleWhileRevalidate = .seconds(5) }
        origin.advance(by: .seconds(64))
        #expect("\(origin.get())" == "stale 1")
        #expect("\(origin.get())" == "stale 1")
        #expect(origin.requests.count == 2, "one load for all")
        try origin.answer(.ok("2"))
        #expect("\(origin.get())" == "fresh 2")
        origin.advance(by: .seconds(65))
        let got = origin.get()
        #expect("\(got)" == "waiting")
        try origin.answer(.ok("3"))
        #expect("\(got)" == "value 3 200 stored")
        #expect(origin.loader.figures[.staleServed] == 2)
    }

    @Test(
        "When a value can't be loaded the old one is served, for as long as that is allowed",
        arguments: [
            (Result<OriginAnswer, FetchFailure>.status(500), "kept 1 500 origin_failed, was stale"),
            (.failure(.timedOut), "kept 1 origin_timeout, was stale"),
            (.failure(.unreachable("nobody listens")), "kept 1 origin_failed, was stale"),
            (.ok("garbage"), "kept 1 200 origin_failed, was stale"),
        ])
    func staleIfError(answer: Result<OriginAnswer, FetchFailure>, outcome: String) throws {
        let origin = try origin { $0.staleIfError = .seconds(100) }
        origin.always(answer)
        origin.advance(by: .seconds(159))
        #expect("\(origin.get())" == outcome)
        origin.advance(by: .seconds(1))
        #expect("\(origin.get())".hasPrefix("origin_"))
    }

    @Test("A deleted value is not served stale")
    func deleted() throws {
        let origin = try origin { $0.staleIfError = .seconds(100) }
        origin.advance(by: .seconds(61))
        let got = origin.get()
        origin.cache.delete("a")
        try origin.answer(.status(500))
        #expect("\(got)" == "origin_failed 500, was stale")
    }

    // MARK: Validators

    @Test("The origin is asked whether its value has changed, and need not send it again")
    func revalidation() throws {
        let origin = try origin()
        origin.advance(by: .seconds(60))
        origin.script(.status(304, [("cache-control", "max-age=10")]))
        #expect("\(origin.get())" == "value 1 304 stored, was stale")
        #expect(origin.requests[1].headers.contains { $0.name == "If-None-Match" && $0.value == #""v1""# })
        origin.advance(by: .seconds(9))
        #expect("\(origin.get())" == "fresh 1")
        origin.advance(by: .seconds(1))
        origin.script(.ok("2", [("etag", #""v2""#)]))
        #expect("\(origin.get())" == "value 2 200 stored, was stale")
        #expect(origin.loader.figures[.revalidated] == 1)
    }

    @Test("A value that goes while its origin says it has not changed is loaded whole")
    func goneMeanwhile() throws {
        let origin = try origin()
        origin.advance(by: .seconds(60))
        let got = origin.get()
        origin.cache.delete("a")
        try origin.answer(.status(304))
        #expect("\(got)" == "waiting")
        #expect(!origin.requests[2].headers.contains { $0.name == "If-None-Match" })
        try origin.answer(.ok("2"))
        #expect("\(got)" == "value 2 200 stored, was stale")
    }

    @Test("After the time that it was fresh once more, its validator has gone")
    func validatorGone() throws {
        let origin = try origin()
        origin.advance(by: .seconds(120))
        _ = origin.get()
        #expect(!origin.requests[1].headers.contains { $0.name == "If-None-Match" })
    }

    // MARK: Early refresh

    @Test("A value is loaded anew ahead of its expiry when the dice say so, once")
    func earlyRefresh() throws {
        let dice = Dice()
        let origin = try ScriptedOrigin(random: { dice.bits })
        let got = origin.get()
        origin.advance(by: .seconds(2))
        try origin.answer(.ok("1"))
        #expect("\(got)" == "value 1 200 stored")
        // -ln 2⁻⁵³ is 36.7, times two seconds: 73.
        dice.set(0)
        #expect("\(origin.get())" == "fresh 1")
        #expect("\(origin.get())" == "fresh 1")
        #expect(origin.requests.count == 2)
        try origin.answer(.status(500))
        dice.set(.max)
        #expect("\(origin.get())" == "fresh 1", "its failure is nobody's")
        #expect(origin.requests.count == 2)
        dice.set(0)
        _ = origin.get()
        try origin.answer(.ok("2"))
        dice.set(.max)
        #expect("\(origin.get())" == "fresh 2")
    }

    private final class Dice: Sendable {
        private let number = Tally()
        var bits: UInt64 { number.value == 0 ? .max : 0 }
        func set(_ bits: UInt64) { number.add((bits == .max ? 0 : 1) - number.value) }
    }

    // MARK: Absences

    @Test("That there is nothing is known for a short time", arguments: [404, 410])
    func absence(status: Int) throws {
        let origin = try ScriptedOrigin { $0.negativeTimeToLive = .seconds(5) }
        origin.always(.status(status))
        #expect("\(origin.get())" == "absent \(status) stored")
        origin.advance(by: .milliseconds(4999))
        #expect("\(origin.get())" == "known to be absent")
        origin.advance(by: .milliseconds(1))
        #expect("\(origin.get())" == "absent \(status) stored")
        #expect(origin.loader.figures[.negativeHits] == 1)
        #expect(origin.loader.figures[.absences] == 2)
    }

    @Test("It is forgotten when the key is, or when it is not to be known")
    func forgetting() throws {
        let origin = try ScriptedOrigin()
        origin.always(.status(404))
        #expect("\(origin.get())" == "absent 404 stored")
        origin.cache.delete("a")
        #expect("\(origin.get())" == "absent 404 stored")
        origin.cache.deleteAll(prefix: "a")
        #expect("\(origin.get())" == "absent 404 stored")
        origin.cache.delete("b")
        origin.cache.deleteAll(prefix: "b")
        #expect("\(origin.get())" == "known to be absent")

        let forgetful = try ScriptedOrigin { $0.negativeTimeToLive = .zero }
        forgetful.always(.status(404))
        #expect("\(forgetful.get())" == "absent 404")
        #expect("\(forgetful.get())" == "absent 404")
    }

    @Test("A value goes when its origin has it no more, and is not served stale")
    func vanishing() throws {
        let origin = try origin { $0.staleIfError = .seconds(100) }
        origin.advance(by: .seconds(60))
        origin.script(.status(404, [("cache-control", "no-store")]))
        #expect("\(origin.get())" == "absent 404, was stale")
        origin.advance(by: .milliseconds(1))
        origin.script(.status(500))
        #expect("\(origin.get())" == "origin_failed 500")
    }
}
