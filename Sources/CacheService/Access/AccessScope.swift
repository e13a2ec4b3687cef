internal import MicroHTTP

/// What a token may do. Each scope includes those before it.
public enum AccessScope: String, Sendable, CaseIterable, Comparable {
    /// Read values, listings, exports and figures.
    case read
    /// Change entries too.
    case write
    /// Remove all entries at once, set the figures to zero, and have snapshots written, too.
    case admin

    public static func < (left: Self, right: Self) -> Bool {
        allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
    }
}

extension Route {
    /// What a request needs; nil if anybody may make it. What a route does not answer needs nothing: nobody gets anything by it.
    ///
    /// - Parameter hasPublicMetrics: Whether the figures are for everybody.
    func scope(_ method: Method, hasPublicMetrics: Bool) -> AccessScope? {
        guard methods.contains(method) else { return nil }
        switch self {
        case .livez, .readyz, .healthz, .unmatched: return nil
        case .index, .contract, .export, .mget: return .read
        case .metrics: return hasPublicMetrics ? nil : .read
        case .stats: return method == .delete ? .admin : hasPublicMetrics ? nil : .read
        // To remove all entries needs more; that shows in the query.
        case .key, .keys: return method == .get || method == .head ? .read : .write
        case .snapshot: return .admin
        case .mput, .mdelete, .touch, .incr, .tag, .warm: return .write
        }
    }
}
