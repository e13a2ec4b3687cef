/// What one run over HTTP may measure or leave out.
enum HTTPPart: String, CaseIterable, Sendable {
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
    var part: HTTPPart {
        switch quantity {
        case .rate(let scenario, _), .processorTime(let scenario, _): HTTPPart(scenario)
        case .start: .start
        }
    }
}
