import ArgumentParser

/// Some of the parts that a benchmark has, given as their names with commas between.
struct Selection<Part>: ExpressibleByArgument, Sendable
where Part: RawRepresentable<String> & CaseIterable & Equatable & Sendable {
    static var everything: Selection { Selection(parts: Array(Part.allCases)) }
    static var names: String { Part.allCases.map(\.rawValue).joined(separator: ", ") }

    /// In the order in which they run.
    let parts: [Part]

    private init(parts: [Part]) {
        self.parts = parts
    }

    init?(argument: String) {
        let names = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard names.allSatisfy({ Part(rawValue: $0) != nil }) else { return nil }
        parts = Part.allCases.filter { names.contains($0.rawValue) }
    }

    var defaultValueDescription: String {
        "all"
    }

    func contains(_ part: Part) -> Bool {
        parts.contains(part)
    }
}
