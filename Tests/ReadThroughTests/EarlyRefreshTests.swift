import TestSupport
import Testing

@testable import ReadThrough

@Suite("Refreshing ahead of the expiry")
struct EarlyRefreshTests {
    private func isDue(_ timeLeft: Int64, _ duration: Int64, _ beta: Double = 1, _ bits: UInt64) -> Bool {
        EarlyRefresh.isDue(timeLeft: timeLeft, loadDuration: duration, beta: beta) { bits }
    }

    @Test("It goes by -ln of a random number, in units of what a load takes")
    func formula() {
        let half = UInt64.max / 2  // ln 2 is 0.693
        #expect(isDue(693, 1000, 1, half))
        #expect(!isDue(694, 1000, 1, half))
        #expect(isDue(1386, 1000, 2, half))
        #expect(!isDue(1, 1000, 1, .max))
        #expect(isDue(0, 1000, 1, .max))
        #expect(!isDue(0, 1000, 0, 0), "beta 0 is never")
    }

    @Test("No random number is drawn when none could matter")
    func cheap() {
        var drawn = 0
        let isDue = EarlyRefresh.isDue(timeLeft: 40_000, loadDuration: 1000, beta: 1) {
            drawn += 1
            return 0
        }
        #expect(!isDue)
        #expect(drawn == 0)
        #expect(self.isDue(36_000, 1000, 1, 0))
    }

    @Test("The chance of a read is exp(-timeLeft / (beta · duration))")
    func distribution() {
        var generator = TestSeed.generator()
        let reads = 100_000
        let due = (0..<reads).count { _ in isDue(2000, 1000, 1, generator.next()) }
        // e⁻² is 0.1353; six standard deviations are 0.0065.
        #expect(abs(Double(due) / Double(reads) - 0.1353) < 0.0065)
    }
}
