/// What one run over HTTP may measure or leave out.
enum HTTPPart: String, CaseIterable, Sendable {
    case getHit = "get-hit"
    case getMiss = "get-miss"
    case put
    case mget
    case mput
    case getLarge = "get-large"
    case halfRate = "half-rate"
    case overload
    case idle
    case start

    /// The load of the part; nil for those that are of another kind.
    var scenario: Scenario? {
        Scenario(rawValue: rawValue)
    }

    /// The trials of the part.
    var trials: [Trial] {
        switch self {
        case .halfRate: [.halfRate]
        case .overload: [.overload, .overloadFromMany, .overloadReconnecting, .overloadBeyondLimit]
        case .idle: [.idle]
        case .getHit, .getMiss, .put, .mget, .mput, .getLarge, .start: []
        }
    }
}

extension Target {
    /// The parts that measure it, together.
    var parts: [HTTPPart] {
        HTTPPart.allCases.filter { part in
            switch quantity {
            case .rate(let scenario, _), .processorTime(let scenario, _): part.scenario == scenario
            case .rates(let scenario, let other): part.scenario == scenario || part.scenario == other
            case .trial(let trial): part.trials.contains(trial)
            case .idleMemory: part == .idle
            case .start: part == .start
            }
        }
    }
}
