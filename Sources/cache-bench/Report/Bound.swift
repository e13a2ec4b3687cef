/// What a figure must be at least, or at most.
enum Bound: Sendable {
    case atLeast(Double)
    case atMost(Double)

    func isKept(by value: Double) -> Bool {
        switch self {
        case .atLeast(let least): value >= least
        case .atMost(let most): value <= most
        }
    }

    /// The bound in words.
    var text: String {
        switch self {
        case .atLeast(let least): "at least \(Figure.decimal(least))"
        case .atMost(let most): "at most \(Figure.decimal(most))"
        }
    }
}
