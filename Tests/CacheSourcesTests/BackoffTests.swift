import CacheCore
import Testing

@testable import CacheSources

@Suite("Trying again")
struct BackoffTests {
    @Test("Each wait is twice the one before, up to a bound, and up to a half shorter")
    func delays() {
        var backoff = Backoff()
        backoff.first = .milliseconds(200)
        backoff.most = .seconds(1)
        backoff.random = { 0 }
        #expect((1...5).map { backoff.delay(after: $0) } == [0.2, 0.4, 0.8, 1, 1].map { .seconds($0) })
        backoff.random = { 0.5 }
        #expect(backoff.delay(after: 1) == .milliseconds(150))
        #expect(backoff.delay(after: 1000) == .milliseconds(750))
    }

    /// A reading with a clock that sleeping moves.
    private func pauses(_ failure: SourceFailure, isCancelled: @escaping () -> Bool = { false }) throws -> (
        failures: Int, waited: Duration, error: SourceFailure?
    ) {
        var now = Duration.zero
        var backoff = Backoff()
        backoff.random = { 0 }
        backoff.now = { now }
        backoff.sleep = { now += $0 }
        let cache = try ProductionCache(CacheConfiguration())
        var reading = SourceReading(
            ItemSink(into: cache, limits: .ofStore), backoff: backoff, isCancelled: isCancelled, tell: { _ in })
        var failures = 0
        do throws(SourceFailure) {
            while true {
                failures += 1
                try reading.pause(after: failure, failures: failures)
            }
        } catch {
            return (failures, now, error)
        }
    }

    @Test("What may pass is tried a bounded number of times, with waits between")
    func transient() throws {
        let failure = SourceFailure("refused", isTransient: true)
        let result = try pauses(failure)
        #expect(result.failures == 6)
        #expect(result.waited == .milliseconds(200 + 400 + 800 + 1600 + 3200))
        #expect(result.error == failure)
    }

    @Test("What does not pass by itself is tried once")
    func permanent() throws {
        let result = try pauses(SourceFailure("wrong password"))
        #expect(result.failures == 1)
        #expect(result.waited == .zero)
    }

    @Test("Who stops does not wait for the next try")
    func cancelled() throws {
        let result = try pauses(SourceFailure("refused", isTransient: true), isCancelled: { true })
        #expect(result.error == .cancelled)
        #expect(result.waited == .zero)
    }
}
