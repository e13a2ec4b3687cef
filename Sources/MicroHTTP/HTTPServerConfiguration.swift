/// What a server is made from.
public struct HTTPServerConfiguration: Sendable {
    /// The address to listen on: a name, an IPv4 or an IPv6 address.
    public var host: String
    /// The TCP port; 0 for a free one.
    public var port: Int
    /// A socket in the file system to listen on, in the place of an address; nil for none.
    public var socket: Socket?
    /// How many threads serve the connections; at least 1.
    public var threads: Int
    /// The most connections at a time. What comes beyond waits in the system's queue.
    public var maxConnections: Int
    /// How long a connection may be silent before it is closed, in whole seconds; zero for ever.
    public var idleTimeout: Duration
    /// How many bytes the bodies may take that are being received, in all; those that come beyond are refused. Each thread has its
    /// share, in which there is always room for one.
    public var maxBodyMemory: Int
    /// For how long a request may arrive at less than ``leastBytesPerSecond`` before its connection is cut; nil for ever. Streams
    /// are exempt.
    public var requestTimeout: Duration?

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

    public init(
        host: String = "127.0.0.1", port: Int = 8080, threads: Int = 1, maxConnections: Int = 10_000,
        idleTimeout: Duration = .seconds(60), requestTimeout: Duration? = .seconds(10),
        maxBodyMemory: Int = 1 << 30
    ) {
        self.host = host
        self.port = port
        self.threads = threads
        self.maxConnections = maxConnections
        self.idleTimeout = idleTimeout
        self.requestTimeout = requestTimeout
        self.maxBodyMemory = maxBodyMemory
    }
}

/// Why a server could not be started.
public struct HTTPServerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was tried and why it failed.
    public let description: String

    init(_ description: String) { self.description = description }
}
