import Foundation

/// How many bytes values have: all the same, or as many between any size and its double as between any other and its
/// double, which is how sizes of what people cache are spread.
struct ValueSizes: Codable, Equatable, Sendable {
    let least: Int
    let most: Int

    static let small = ValueSizes(64)
    static let medium = ValueSizes(1024)
    static let mixed = ValueSizes(from: 64, to: 65_536)

    init(_ size: Int) {
        self.init(from: size, to: size)
    }

    /// - Precondition: `least` is at least 2, the length of the shortest JSON string.
    init(from least: Int, to most: Int) {
        precondition(least >= 2 && most >= least, "values cannot have from \(least) to \(most) bytes")
        self.least = least
        self.most = most
    }

    func next(using generator: inout SplitMix64) -> Int {
        // The generator goes one step on in any case, so that all fills of one seed have the same keys.
        let place = generator.nextUnit()
        return min(most, Int(Double(least) * pow(Double(most) / Double(least), place)))
    }

    /// The mean of many sizes.
    var mean: Double {
        least == most ? Double(least) : Double(most - least) / log(Double(most) / Double(least))
    }

    var title: String {
        least == most ? Self.text(least) : "\(Self.text(least)) to \(Self.text(most))"
    }

    private static func text(_ bytes: Int) -> String {
        bytes >= 1024 && bytes.isMultiple(of: 1024) ? "\(bytes / 1024) KiB" : "\(bytes) B"
    }
}
