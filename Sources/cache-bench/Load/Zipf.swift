import Foundation

/// Draws ranks from 1 up, of which each is the rarer the higher it is: rank *k* as often as 1 / *k*^`exponent`.
///
/// By rejection-inversion (W. Hörmann and G. Derflinger, 1996), which is exact, needs no table, and takes less than two
/// tries on average whatever the number of ranks.
struct Zipf: Sendable {
    private let count: Int
    private let exponent: Double
    private let integralAtFirst: Double
    private let integralAtLast: Double
    private let acceptance: Double

    /// The skew that most benchmarks of key-value stores take.
    static let usualExponent = 0.99

    /// - Parameters:
    ///   - count: How many ranks there are.
    ///   - exponent: The skew, above 0.
    init(count: Int, exponent: Double = Self.usualExponent) {
        self.count = count
        self.exponent = exponent
        integralAtFirst = Self.integral(1.5, exponent) - 1
        integralAtLast = Self.integral(Double(count) + 0.5, exponent)
        acceptance = 2 - Self.inverse(Self.integral(2.5, exponent) - Self.density(2, exponent), exponent)
    }

    func next(using generator: inout SplitMix64) -> Int {
        while true {
            let place = integralAtLast + generator.nextUnit() * (integralAtFirst - integralAtLast)
            let x = Self.inverse(place, exponent)
            let rank = min(max(1, Int(x + 0.5)), count)
            let k = Double(rank)
            if k - x <= acceptance || place >= Self.integral(k + 0.5, exponent) - Self.density(k, exponent) {
                return rank
            }
        }
    }

    private static func density(_ x: Double, _ exponent: Double) -> Double { exp(-exponent * log(x)) }

    /// The integral of the density, up to a constant.
    private static func integral(_ x: Double, _ exponent: Double) -> Double {
        let scaled = (1 - exponent) * log(x)
        // expm1(y) / y, which is 1 where the exponent is 1.
        return (abs(scaled) > 1e-8 ? expm1(scaled) / scaled : 1 + scaled / 2) * log(x)
    }

    private static func inverse(_ integral: Double, _ exponent: Double) -> Double {
        let scaled = max(-1, integral * (1 - exponent))
        return exp((abs(scaled) > 1e-8 ? log1p(scaled) / scaled : 1 - scaled / 2) * integral)
    }
}
