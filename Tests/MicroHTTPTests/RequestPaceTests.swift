internal import Testing

@testable internal import MicroHTTP

struct RequestPaceTests {
    private static let bounds = RequestPace.Bounds(patience: .seconds(10), leastBytesPerSecond: 1000)

    /// Looks every two seconds at a connection that receives so many bytes each time; tells when it was found too slow.
    private func firstSlow(_ received: [UInt64], acknowledged: [UInt64] = []) -> Int? {
        var pace = RequestPace()
        var (sum, acknowledgedSum) = (UInt64(0), UInt64(0))
        for (look, count) in received.enumerated() {
            sum += count
            if look < acknowledged.count { acknowledgedSum += acknowledged[look] }
            let now = Duration.seconds(2 * look)
            if pace.look(at: now, received: sum, acknowledged: acknowledgedSum, bounds: Self.bounds) { return look }
        }
        return nil
    }

    @Test func aByteNowAndThenIsTooSlow() {
        #expect(firstSlow([1, 1, 1, 1, 1, 1, 1]) == 5)
        #expect(firstSlow([0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0]) == 11, "from the first byte on")
        #expect(firstSlow([1, 0, 0, 0, 0, 0, 0]) == 5)
        #expect(firstSlow(Array(repeating: 1999, count: 9)) == 6 || firstSlow(Array(repeating: 1990, count: 99)) != nil)
    }

    @Test func whatIsFastEnoughGoesOn() {
        #expect(firstSlow(Array(repeating: 2001, count: 100)) == nil)
        #expect(firstSlow([500, 100_000, 0, 0, 0, 0]) == nil, "on average")
        #expect(firstSlow([500, 100_000] + Array(repeating: 10, count: 12)) != nil, "but not for ever")
    }

    @Test func aSilentClientIsNotSlow() {
        #expect(firstSlow(Array(repeating: 0, count: 100)) == nil)
    }

    /// Small requests, each answered: the time between them does not count.
    @Test func whoIsAnsweredIsNotSlow() {
        #expect(firstSlow(Array(repeating: 80, count: 100), acknowledged: Array(repeating: 200, count: 100)) == nil)
        #expect(firstSlow([80, 0, 0, 0, 0, 0, 0, 0], acknowledged: [200]) == nil)
        #expect(firstSlow([80, 1, 1, 1, 1, 1, 1, 1, 1], acknowledged: [200]) == 6, "the next request is")
    }
}
