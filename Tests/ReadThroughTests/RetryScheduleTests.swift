import Testing

@testable import ReadThrough

@Suite("Retries")
struct RetryScheduleTests {
    private let schedule = RetrySchedule(first: 100, longest: 1000, retries: 6)

    private func pause(_ attempts: Int, _ fraction: Double = 1, retryAfter: Int64? = nil, left: Int64 = 10_000)
        -> Int64?
    {
        schedule.pause(after: attempts, fraction: fraction, retryAfter: retryAfter, timeLeft: left)
    }

    @Test("Pauses double up to a bound, and end")
    func exponential() {
        #expect((1...7).map { pause($0) } == [100, 200, 400, 800, 1000, 1000, nil])
    }

    @Test("A pause is a random part of its bound")
    func jitter() {
        #expect(pause(2, 0) == 0)
        #expect(pause(2, 0.25) == 50)
    }

    @Test("The origin's wish is heeded, if there is time for it")
    func retryAfter() {
        #expect(pause(1, 1, retryAfter: 5000) == 5000)
        #expect(pause(1, 1, retryAfter: 10_000) == nil)
        #expect(pause(1, 1, retryAfter: 1) == 100)
    }

    @Test("There is none beyond the deadline")
    func deadline() {
        #expect(pause(1, 1, left: 101) == 100)
        #expect(pause(1, 1, left: 100) == nil)
    }

    @Test("Only what may pass by itself is repeated")
    func kinds() {
        #expect(RetrySchedule.isWorthRepeating(.unreachable("")))
        #expect(RetrySchedule.isWorthRepeating(.broken("")))
        for failure in [FetchFailure.timedOut, .unreadable(""), .notAsked(""), .tooLarge] {
            #expect(!RetrySchedule.isWorthRepeating(failure))
        }
        #expect(
            [200, 400, 404, 429, 500, 501, 502, 503, 504].filter { RetrySchedule.isWorthRepeating(status: $0) } == [
                502, 503, 504,
            ])
    }

    @Test("Retry-After is seconds or a date (RFC 9110, section 10.2.3)")
    func retryAfterField() {
        func seconds(_ text: String?) -> Int64? {
            OriginAnswer(status: 503, fields: text.map { [(name: "retry-after", value: $0)] } ?? [])
                .retryAfter(wallClock: 784_111_777_000_000_000).map { $0 / 1_000_000_000 }
        }
        #expect(seconds("120") == 120)
        #expect(seconds("Sun, 06 Nov 1994 08:50:00 GMT") == 23)
        #expect(seconds("Sun, 06 Nov 1994 08:00:00 GMT") == 0)
        #expect(seconds("soon") == nil)
        #expect(seconds(nil) == nil)
    }
}
