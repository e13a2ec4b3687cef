/// Which keys are asked for, in an order that a seed gives.
enum KeyChoice: String, Codable, Sendable {
    /// Each as often as any other.
    case uniform
    /// A few very often, by Zipf's law with 0.99.
    case zipf

    var title: String {
        switch self {
        case .uniform: "uniform"
        case .zipf: "zipf \(Zipf.usualExponent)"
        }
    }

    /// Numbers below `entries`, `count` of them.
    func numbers(_ count: Int, below entries: Int, seed: UInt64) -> [Int] {
        var generator = SplitMix64(state: seed)
        switch self {
        case .uniform:
            return (0..<count).map { _ in Int(generator.next() % UInt64(entries)) }
        case .zipf:
            let zipf = Zipf(count: entries)
            return (0..<count).map { _ in Self.scattered(zipf.next(using: &generator) - 1, below: entries) }
        }
    }

    /// The number of a rank: what is asked for often was not all stored first, and is spread over memory.
    ///
    /// - Returns: A different number for each rank: the factor is a prime that no count of entries is a multiple of.
    static func scattered(_ rank: Int, below entries: Int) -> Int {
        rank * 2_654_435_761 % entries
    }
}
