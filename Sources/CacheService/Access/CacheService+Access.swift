internal import CacheCore
internal import MicroHTTP

/// Who may ask for what, and how often.
extension CacheService {
    /// The service as the request may use it, and what its response is to tell of the limit on requests.
    ///
    /// - Parameter counts: Whether the request counts: once for each.
    /// - Throws: ``Problem`` if it may not.
    func admitted(
        _ head: RequestHead, _ route: Route, counts: Bool
    ) throws(Problem) -> (service: CacheService, fields: HeaderFields?) {
        guard access != nil || rateLimiter != nil || needsClientCertificate else { return (self, nil) }
        var granted: AccessControl.Access?
        do throws(Problem) {
            if needsClientCertificate { try checkClientCertificate(head, route) }
            granted = try access?.check(head, route)
        } catch {
            // Who guesses tokens, or has no certificate, is counted too.
            _ = try limited(head, route, nil, counts: counts)
            throw error
        }
        return (try confined(head, route, granted), try limited(head, route, granted?.client, counts: counts))
    }

    private func checkClientCertificate(_ head: RequestHead, _ route: Route) throws(Problem) {
        // Browsers ask for leave without one.
        guard !route.tellsHealth, !head.hasClientCertificate, crossOrigin == nil || head.method != .options else {
            return
        }
        throw Problem(
            .forbidden,
            "the request came without a client certificate; all but /livez, /readyz and /healthz needs one of an authority that the "
                + "server knows")
    }

    private func limited(
        _ head: RequestHead, _ route: Route, _ client: RateLimiter.Client?, counts: Bool
    ) throws(Problem) -> HeaderFields? {
        guard let rateLimiter, head.method != .options, !route.tellsHealth else { return nil }
        let client = client ?? head.clientAddress.map { .address($0.network) } ?? .local
        return try rateLimiter.check(client, now: cache.now, takes: counts)
    }

    private func confined(
        _ head: RequestHead, _ route: Route, _ granted: AccessControl.Access?
    ) throws(Problem) -> CacheService {
        guard let granted else { return self }
        if route == .keys, head.method == .delete, granted.prefix.isEmpty, granted.scope < .admin {
            let prefix = try RequestReading.parameter("prefix", of: head) ?? []
            guard !prefix.isEmpty else {
                throw Problem(
                    .forbidden,
                    "the token has the scope \(granted.scope.rawValue); to remove all keys needs admin, "
                        + "to remove some of them a prefix")
            }
        }
        // A source that is named may write to any key.
        let isLess = route == .warm && granted.scope < .admin
        return granted.prefix.isEmpty && !isLess ? self : CacheService(self, confinedTo: granted.prefix)
    }
}
