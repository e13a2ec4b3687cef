import ArgumentParser

/// What one run may measure or leave out.
enum Part: String, CaseIterable, Sendable {
    case getHit = "get-hit"
    case getMiss = "get-miss"
    case put
    case mget
    case mput
    case start

    /// The load of the part; nil for the starts, which go without.
    var scenario: Scenario? {
        Scenario(rawValue: rawValue)
    }

    init(_ scenario: Scenario) {
        self =
            switch scenario {
            case .getHit: .getHit
            case .getMiss: .getMiss
            case .put: .put
            case .mget: .mget
            case .mput: .mput
            }
    }
}

extension Target {
    /// The part that measures it.
    var part: Part {
        switch quantity {
        case .rate(let scenario, _), .processorTime(let scenario, _): Part(scenario)
        case .start: .start
        }
    }
}

/// Some parts, given as their names with commas between.
struct Selection: ExpressibleByArgument, Sendable {
    static let everything = Selection(parts: Part.allCases)
    static let names = Part.allCases.map(\.rawValue).joined(separator: ", ")

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
