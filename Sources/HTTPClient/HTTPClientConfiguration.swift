/// What a client is made from.
public struct HTTPClientConfiguration: Sendable {
    /// The most exchanges at a time, and with them the most connections in use; those beyond wait their turn, and their
    /// time-outs run meanwhile. As many connections are kept for reuse.
    public var maxConnections: Int
    /// The most exchanges at a time with one host and port, in the same way.
    public var maxConnectionsPerHost: Int
    /// How long the look-up of a name, the connection and TLS may take together.
    public var connectTimeout: Duration
    /// How long a connection is kept for reuse after its last exchange, in whole seconds.
    public var idleTimeout: Duration
    /// What `User-Agent` says, unless a request has one of its own.
    public var userAgent: String

    public init(
        maxConnections: Int = 1024, maxConnectionsPerHost: Int = 256, connectTimeout: Duration = .seconds(5),
        idleTimeout: Duration = .seconds(60), userAgent: String = "production-cache"
    ) {
        self.maxConnections = maxConnections
        self.maxConnectionsPerHost = maxConnectionsPerHost
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
        self.userAgent = userAgent
    }

    /// - Throws: ``HTTPClientError`` that names what is out of range.
    func validate() throws(HTTPClientError) {
        guard (1...65_536).contains(maxConnections) else {
            throw HTTPClientError(
                .invalidConfiguration, "the most connections are \(maxConnections); they must be from 1 to 65536")
        }
        guard maxConnectionsPerHost >= 1 else {
            throw HTTPClientError(
                .invalidConfiguration,
                "the most connections to a host are \(maxConnectionsPerHost); they must be at least 1"
            )
        }
        guard connectTimeout > .zero, idleTimeout > .zero else {
            throw HTTPClientError(.invalidConfiguration, "the time-outs must be more than zero")
        }
        guard HTTPClientRequest.isValue(userAgent) else {
            throw HTTPClientError(.invalidConfiguration, "the user agent has a line end or a NUL in it")
        }
    }
}
