/// What a write asks for of the value that is there: from a byte.
enum OperationCondition: Int, CaseIterable {
    case anything, nothing, same, another, notSame, notAnother, sameNotAnother, oneOfTwo, sameNotSame

    init(_ code: Int) { self = Self.allCases[code % Self.allCases.count] }

    /// - Parameter digest: That of the value that is there.
    func condition(digest: UInt64) -> WriteCondition {
        switch self {
        case .anything: WriteCondition(match: .any)
        case .nothing: WriteCondition(noneMatch: .any)
        case .same: WriteCondition(match: .digests([digest]))
        case .another: WriteCondition(match: .digests([digest ^ 1, ~digest]))
        case .notSame: WriteCondition(noneMatch: .digests([~digest, digest]))
        case .notAnother: WriteCondition(noneMatch: .digests([~digest]))
        case .sameNotAnother: WriteCondition(match: .digests([digest]), noneMatch: .digests([digest ^ 1]))
        case .oneOfTwo: WriteCondition(match: .digests([~digest, digest]))
        case .sameNotSame: WriteCondition(match: .any, noneMatch: .digests([digest]))
        }
    }

    /// - Parameter isThere: Whether there is a value.
    func isMet(isThere: Bool) -> Bool {
        switch self {
        case .anything, .same, .sameNotAnother, .oneOfTwo: isThere
        case .nothing, .notSame: !isThere
        case .another, .sameNotSame: false
        case .notAnother: true
        }
    }
}
