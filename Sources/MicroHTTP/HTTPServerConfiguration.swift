/// What a server is made from.
public struct HTTPServerConfiguration: Sendable {
    /// The address to listen on: a name, an IPv4 or an IPv6 address.
    public var host: String
    /// The TCP port; 0 for a free one.
    public var port: Int
    /// What ``maxHeadBytes`` may be. The least has room for a key of 512 bytes, each of which may be escaped as three.
    public static let headSizes = 2048...65_536

    /// A socket in the file system to listen on, in the place of an address; nil for none.
    public var socket: Socket?
    /// How many threads serve the connections; at least 1.
    public var threads: Int
    /// The most connections at a time. What comes beyond is answered by ``HTTPHandler/refuse(_:)`` and closed.
    public var maxConnections: Int
    /// The most connections at a time from one address, or one network of IPv6; nil for any number.
    public var maxConnectionsPerAddress: Int?
    /// How long a connection may be silent before it is closed, in whole seconds; zero for ever.
    public var idleTimeout: Duration
    /// How many bytes the bodies may take that are being received, in all; those that come beyond are refused. Each thread has its
    /// share, in which there is always room for one.
    public var maxBodyMemory: Int
    /// The most bytes of a request's line and header fields, with the ends of their lines; see ``headSizes``. Each connection takes
    /// some 4 KiB more than that, once it has had a request.
    public var maxHeadBytes: Int
    /// For how long a request may arrive at less than ``leastBytesPerSecond`` before its connection is cut; nil for ever. Streams
    /// are exempt.
    public var requestTimeout: Duration?
    /// Has a line for each request; nil for none, which costs nothing.
    public var accessLog: AccessLog?

    /// What the server proves with who it is, over TLS; nil for plain HTTP.
    public var tls: ServerTLS?

    /// What a request must have, in bytes a second.
    public static let leastBytesPerSecond = 1024.0

    /// A socket in the file system.
    public struct Socket: Sendable, Equatable {
        public var path: String
        /// Who may connect: the bits of the file's mode.
        public var mode: Int

        public init(path: String, mode: Int = 0o660) {
            self.path = path
            self.mode = mode
        }
    }

    /// How many connections each thread has room for beyond those that there may be, to tell them so.
    var refusable: Int { max(64, maxConnections / 8) }

    /// How many sockets may be open at a time.
    public var mostSockets: Int { maxConnections + threads * refusable }

    public init(
        host: String = "127.0.0.1", port: Int = 8080, threads: Int = 1, maxConnections: Int = 10_000,
        maxConnectionsPerAddress: Int? = nil, idleTimeout: Duration = .seconds(60),
        requestTimeout: Duration? = .seconds(10),
        maxBodyMemory: Int = 1 << 30, maxHeadBytes: Int = 5120, tls: ServerTLS? = nil, accessLog: AccessLog? = nil
    ) {
        self.host = host
        self.port = port
        self.threads = threads
        self.maxConnections = maxConnections
        self.maxConnectionsPerAddress = maxConnectionsPerAddress
        self.idleTimeout = idleTimeout
        self.requestTimeout = requestTimeout
        self.maxBodyMemory = maxBodyMemory
        self.maxHeadBytes = maxHeadBytes
        self.tls = tls
        self.accessLog = accessLog
    }
}

/// Why a server could not be started.
public struct HTTPServerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was tried and why it failed.
    public let description: String

    init(_ description: String) { self.description = description }
}
