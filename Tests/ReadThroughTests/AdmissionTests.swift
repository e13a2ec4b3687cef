import CacheCore
import HTTPClient
import TestSupport
import Testing

@testable import ReadThrough

@Suite("Whether an origin is asked")
struct AdmissionTests {
    @Test("So many loads at a time, so many wait, the others fail at once")
    func bounds() throws {
        let origin = try ScriptedOrigin {
            $0.mostFetches = 2
            $0.mostWaiting = 1
        }
        let got = ["a", "b", "c", "d"].map { origin.get($0) }
        #expect(origin.requests.count == 2)
        #expect(got.map { "\($0)" } == ["waiting", "waiting", "waiting", "origin_unavailable"])
        #expect(origin.loader.state == (inFlight: 2, waiting: 1, breaker: "closed"))
        try origin.answer(.ok("1"))
        #expect(origin.requests.map(\.url).last == "http://origin/items/c")
        try origin.answer(.ok("2"))
        try origin.answer(.ok("3"))
        #expect(
            got.map { "\($0)" } == [
                "value 1 200 stored", "value 2 200 stored", "value 3 200 stored", "origin_unavailable",
            ])
        #expect(origin.loader.state == (inFlight: 0, waiting: 0, breaker: "closed"))
        #expect(origin.loader.figures[.rejected] == 1)
    }

    @Test("A load that waits for its turn in vain is over when its time is")
    func waitingInVain() throws {
        let origin = try ScriptedOrigin {
            $0.mostFetches = 1
            $0.timeout = .seconds(2)
        }
        _ = origin.get("a")
        let got = origin.get("b")
        origin.advance(by: .seconds(2))
        #expect("\(got)" == "origin_timeout")
        #expect(origin.loader.state == (inFlight: 1, waiting: 0, breaker: "closed"))
        try origin.answer(.failure(.timedOut))
        #expect(origin.loader.state == (inFlight: 0, waiting: 0, breaker: "closed"))
        #expect(origin.requests.count == 1)
    }

    @Test("What one waited is not there for its attempt")
    func waited() throws {
        let origin = try ScriptedOrigin {
            $0.mostFetches = 1
            $0.timeout = .seconds(2)
        }
        _ = origin.get("a")
        _ = origin.get("b")
        origin.advance(by: .milliseconds(500))
        try origin.answer(.ok("1"))
        #expect(origin.requests.map(\.timeout) == [.milliseconds(2000), .milliseconds(1500)])
    }

    @Test("An origin that fails is left alone for a while, and asked again by one first")
    func breaker() throws {
        let origin = try ScriptedOrigin { $0.staleIfError = .seconds(1000) }
        origin.script(.ok("1"))
        _ = origin.get("kept")
        origin.advance(by: .seconds(61))
        origin.always(.status(500))
        for number in 0..<10 { #expect("\(origin.get("k\(number)"))" == "origin_failed 500") }
        #expect(origin.loader.state.breaker == "open")
        #expect("\(origin.get("x"))" == "origin_unavailable")
        #expect("\(origin.get("kept"))" == "kept 1 origin_unavailable, was stale")
        #expect(origin.requests.count == 11)
        origin.advance(by: .seconds(1))
        #expect(origin.loader.state.breaker == "half_open")
        origin.always(.ok("2"))
        #expect("\(origin.get("x"))" == "value 2 200 stored")
        #expect(origin.loader.state.breaker == "closed")
    }

    @Test("A failure that no origin is to blame for does not open the breaker")
    func innocent() throws {
        let origin = try ScriptedOrigin { $0.negativeTimeToLive = .zero }
        for answer in [
            Result<OriginAnswer, FetchFailure>.status(404), .status(403), .ok("no JSON"), .failure(.tooLarge),
            .failure(.notAsked("there is no memory for a request")),
        ] {
            origin.always(answer)
            for number in 0..<20 { _ = origin.get("k\(number)") }
        }
        #expect(origin.requests.count == 100)
        #expect(origin.loader.state.breaker == "closed")
    }

    @Test("Nor does it close it: the next may try")
    func untold() throws {
        let origin = try ScriptedOrigin()
        origin.always(.status(500))
        for number in 0..<10 { _ = origin.get("k\(number)") }
        origin.advance(by: .seconds(1))
        origin.script(.failure(.notAsked("there is no memory for a request")))
        #expect("\(origin.get())" == "origin_failed")
        #expect(origin.loader.state.breaker == "half_open")
        origin.always(.ok("1"))
        #expect("\(origin.get())" == "value 1 200 stored")
        #expect(origin.loader.state.breaker == "closed")
    }

    @Test("What the server itself could not do is no failure of the origin's")
    func blame() {
        for code in [HTTPClientError.Code.resources, .cancelled, .invalidURL, .invalidRequest] {
            #expect(FetchFailure(HTTPClientError(code, "why")) == .notAsked("why"))
        }
        for code in [HTTPClientError.Code.malformed, .redirects] {
            #expect(FetchFailure(HTTPClientError(code, "why")) == .unreadable("why"))
        }
    }
}
