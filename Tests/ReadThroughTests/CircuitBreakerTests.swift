import Testing

@testable import ReadThrough

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    private static let second: Int64 = 1_000_000_000

    private func attempt(_ breaker: inout CircuitBreaker, succeeds: Bool, now: Int64) -> Bool {
        guard let permit = breaker.permit(now: now) else { return false }
        breaker.record(permit, succeeded: succeeds, now: now)
        return true
    }

    /// One that is open since second 1.
    private func opened() -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for _ in 0..<10 { #expect(attempt(&breaker, succeeds: false, now: Self.second)) }
        return breaker
    }

    @Test("It opens when half of at least ten recent attempts failed, and not before")
    func opening() {
        var breaker = CircuitBreaker()
        for _ in 0..<6 { #expect(attempt(&breaker, succeeds: true, now: 0)) }
        for failures in 1...5 {
            #expect(attempt(&breaker, succeeds: false, now: 0))
            #expect(breaker.state(now: 0) == .closed, "\(failures) of \(6 + failures) failed")
        }
        #expect(attempt(&breaker, succeeds: false, now: 0))
        #expect(breaker.state(now: 0) == .open)
        #expect(breaker.permit(now: 0) == nil)
        #expect(breaker.wait(now: Self.second / 4) == Self.second * 3 / 4)
    }

    @Test("Failures that are long past do not count")
    func window() {
        var breaker = CircuitBreaker()
        for second in 0..<40 {
            #expect(attempt(&breaker, succeeds: false, now: Int64(second) * 2 * Self.second))
        }
        #expect(breaker.state(now: 80 * Self.second) == .closed)
    }

    @Test("After its pause one may try; success closes it")
    func closing() throws {
        var breaker = opened()
        let later = 2 * Self.second
        #expect(breaker.state(now: later) == .halfOpen)
        let permit = breaker.permit(now: later)
        let probe = try #require(permit)
        #expect(breaker.permit(now: later) == nil, "one at a time")
        breaker.record(probe, succeeded: true, now: later)
        #expect(breaker.state(now: later) == .closed)
        // What failed before is forgotten.
        for _ in 0..<9 { #expect(attempt(&breaker, succeeds: false, now: later)) }
        #expect(breaker.state(now: later) == .closed)
    }

    @Test("Each failure to recover doubles its pause, up to a bound")
    func pauses() {
        var breaker = opened()
        var now = Self.second
        var pauses: [Int64] = []
        for _ in 0..<7 {
            pauses.append(breaker.wait(now: now) / Self.second)
            now += breaker.wait(now: now)
            #expect(attempt(&breaker, succeeds: false, now: now))
        }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30])
    }

    @Test("What became of attempts from before a change of state does not count")
    func late() throws {
        var breaker = CircuitBreaker()
        let early = (0..<20).compactMap { _ in breaker.permit(now: 0) }
        for permit in early.prefix(10) { breaker.record(permit, succeeded: false, now: 0) }
        #expect(breaker.state(now: 0) == .open)
        let permit = breaker.permit(now: Self.second)
        let probe = try #require(permit)
        breaker.record(early[10], succeeded: true, now: Self.second)
        #expect(breaker.state(now: Self.second) == .halfOpen, "only the probe tells")
        breaker.record(probe, succeeded: true, now: Self.second)
        for permit in early.dropFirst(11) { breaker.record(permit, succeeded: false, now: Self.second) }
        #expect(breaker.state(now: Self.second) == .closed)
    }
}
