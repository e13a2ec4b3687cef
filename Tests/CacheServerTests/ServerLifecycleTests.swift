import Synchronization
import Testing
import UnixSignals

@testable import cache_server

@Suite("The wait for requests in flight")
struct DrainTests {
    /// Signals that the test sends.
    private struct Signals {
        let stream: AsyncStream<UnixSignal>
        let send: AsyncStream<UnixSignal>.Continuation

        init() {
            (stream, send) = AsyncStream.makeStream(of: UnixSignal.self)
            // The one that began the drain.
            send.yield(.sigterm)
        }
    }

    @Test("Nothing in flight, nothing to wait for, even without time")
    func idle() async {
        let end = await DrainEnd.first(timeout: .zero, requestsInFlight: { 0 }, signals: Signals().stream)
        #expect(end == .finished)
    }

    @Test("It ends when the last request does")
    func finished() async {
        let left = Mutex(20)
        let count: @Sendable () -> Int = {
            left.withLock { left in
                left = max(0, left - 1)
                return left
            }
        }
        let end = await DrainEnd.first(timeout: .seconds(60), requestsInFlight: count, signals: Signals().stream)
        #expect(end == .finished)
        #expect(left.withLock { $0 } == 0)
    }

    @Test("It ends when the time is over")
    func timedOut() async {
        let start = ContinuousClock.now
        let end = await DrainEnd.first(
            timeout: .milliseconds(50), requestsInFlight: { 1 }, signals: Signals().stream)
        #expect(end == .timedOut)
        #expect(ContinuousClock.now - start >= .milliseconds(50))
    }

    @Test("A second signal ends it at once; the one that began it does not")
    func interrupted() async {
        let signals = Signals()
        let asked = Mutex(0)
        let count: @Sendable () -> Int = {
            // By its third question the wait has gone on after the first signal.
            let times = asked.withLock { times in
                times += 1
                return times
            }
            if times == 3 { signals.send.yield(.sigint) }
            return 1
        }
        let end = await DrainEnd.first(timeout: .seconds(60), requestsInFlight: count, signals: signals.stream)
        #expect(end == .interrupted)
        #expect(asked.withLock { $0 } >= 3)
    }
}
