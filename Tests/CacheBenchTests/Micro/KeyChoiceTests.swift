import Foundation
import Testing

@testable import cache_bench

@Suite("Which keys are asked for")
struct KeyChoiceTests {
    /// Compares how often each rank is drawn with the law itself, summed up.
    @Test("ranks follow Zipf's law", arguments: [(10, 0.99), (1000, 0.99), (1000, 1.0), (100, 1.5)])
    func zipf(count: Int, exponent: Double) {
        let draws = 200_000
        let zipf = Zipf(count: count, exponent: exponent)
        var generator = SplitMix64(state: 11)
        var counts = Array(repeating: 0, count: count + 1)
        for _ in 0..<draws { counts[zipf.next(using: &generator)] += 1 }
        #expect(counts[0] == 0)
        let weights = (1...count).map { pow(Double($0), -exponent) }
        let total = weights.reduce(0, +)
        for rank in 1...10 {
            let share = weights[rank - 1] / total
            let deviation = (Double(draws) * share * (1 - share)).squareRoot()
            #expect(abs(Double(counts[rank]) - Double(draws) * share) < 5 * deviation, "rank \(rank)")
        }
    }

    @Test("very many ranks are drawn within their range")
    func manyRanks() {
        let zipf = Zipf(count: 10_000_000)
        var generator = SplitMix64(state: 12)
        let ranks = (0..<100_000).map { _ in zipf.next(using: &generator) }
        #expect(ranks.allSatisfy { (1...10_000_000).contains($0) })
        #expect(ranks.contains { $0 > 1_000_000 })
        #expect(Zipf(count: 1).next(using: &generator) == 1)
    }

    @Test("what is asked for often is spread, and every number has its rank", arguments: [1, 7, 1000, 100_000])
    func scattered(entries: Int) {
        let numbers = (0..<entries).map { KeyChoice.scattered($0, below: entries) }
        #expect(Set(numbers) == Set(0..<entries))
    }

    @Test("numbers depend on the seed alone", arguments: [KeyChoice.uniform, .zipf])
    func numbers(choice: KeyChoice) {
        let numbers = choice.numbers(1000, below: 500, seed: 3)
        #expect(numbers == choice.numbers(1000, below: 500, seed: 3))
        #expect(numbers != choice.numbers(1000, below: 500, seed: 4))
        #expect(numbers.count == 1000 && numbers.allSatisfy { (0..<500).contains($0) })
    }

    @Test("keys are as long as the tables say, and made anew each time")
    func keys() {
        #expect(MicroStores.usualKeys[12_345] == "user:profile:0012345")
        #expect(MicroStores.usualKeys.byteCount == 20)
        #expect(MicroStores.shortKeys[9_999_999] == "u:9999999")
        #expect(MicroStores.shortKeys.byteCount <= 15)
    }
}
