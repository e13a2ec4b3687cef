import MicroHTTP

/// Who can reach the server, and what for.
enum Exposure {
    /// What to warn of at the start; nil if only this machine can reach it, or clients need tokens, or there
    /// is TLS.
    static func warning(of http: HTTPServerConfiguration, hasTokens: Bool) -> String? {
        guard http.socket == nil, !isLoopback(http.host), !hasTokens, http.tls == nil else { return nil }
        return
            "everyone who can reach \(http.host) can read and change all entries, and who is between can too: name a file of tokens with "
            + "--auth-tokens and a certificate with --tls-cert, or listen on 127.0.0.1 alone"
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}
