internal import MicroHTTP
internal import Threading

/// Who may ask for what: requests carry a token as `Authorization: Bearer TOKEN` (RFC 6750).
///
/// The tokens can be exchanged while requests come; a request goes by those that there were when it came.
public final class AccessControl: Sendable {
    private let tokens: Locked<AccessTokens>
    let hasPublicMetrics: Bool

    /// - Parameters:
    ///   - tokens: The tokens.
    ///   - hasPublicMetrics: Whether `/stats` and `/metrics` are read without a token.
    public init(_ tokens: AccessTokens, hasPublicMetrics: Bool = false) {
        self.tokens = Locked(tokens)
        self.hasPublicMetrics = hasPublicMetrics
    }

    /// Goes by other tokens from now on.
    public func replace(_ tokens: AccessTokens) { self.tokens.withLock { $0 = tokens } }

    /// What the request may do.
    struct Access {
        var scope: AccessScope
        /// What the keys must begin with.
        var prefix: [UInt8]
        /// Whose token it is.
        var client: RateLimiter.Client
    }

    /// Lets a request pass, or not.
    ///
    /// - Returns: What its token may do; nil if the request needs none.
    /// - Throws: ``Problem``: `unauthorized` without a token that is known, `forbidden` if it may not do this.
    func check(_ head: RequestHead, _ route: Route) throws(Problem) -> Access? {
        guard var needed = route.scope(head.method, hasPublicMetrics: hasPublicMetrics) else { return nil }
        // It is the right to fill a key, and keeps others from it.
        let takesLease = route == .key && head.method == .get && head.parameter("lease") != nil
        if takesLease { needed = .write }
        guard let token = try Self.token(of: head) else {
            throw Self.unauthorized(
                "the request has no token; it must have the header Authorization: Bearer TOKEN", Self.challenge)
        }
        let tokens = tokens.withLock { $0 }
        guard let grant = tokens.grant(token: token) else {
            throw Self.unauthorized("the token is not known", Self.challengeOfInvalidToken)
        }
        guard grant.scope >= needed else {
            throw Problem(
                .forbidden,
                "the token has the scope \(grant.scope.rawValue); \(head.method.name) \(route.pattern)\(takesLease ? "?lease=" : "") "
                    + "needs \(needed.rawValue)"
            )
        }
        return Access(scope: grant.scope, prefix: grant.prefix, client: .token(grant.identity))
    }

    private static func token(of head: RequestHead) throws(Problem) -> BorrowedBytes? {
        guard let field = head.header("Authorization") else { return nil }
        let scheme: StaticString = "bearer "
        guard field.startsIgnoringCase(with: scheme) else { return nil }
        return RequestReading.trimmed(field.dropping(scheme.utf8CodeUnitCount))
    }

    private static let challenge = "Bearer realm=\"production-cache\""
    private static let challengeOfInvalidToken = challenge + ", error=\"invalid_token\""

    private static func unauthorized(_ detail: String, _ challenge: String) -> Problem {
        var problem = Problem(.unauthorized, detail)
        problem.challenge = challenge
        return problem
    }
}
