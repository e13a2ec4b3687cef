import ArgumentParser

extension ParsableCommand {
    /// Refuses the first option whose value is out of its range.
    func require(_ options: [(name: String, value: Int, range: ClosedRange<Int>)]) throws {
        for (name, value, range) in options where !range.contains(value) {
            throw ValidationError("\(name) must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
    }
}
