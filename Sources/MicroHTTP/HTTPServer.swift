/// An HTTP/1.1 server: libmicrohttpd's daemon behind values.
///
/// It serves from when it is made until ``stop()``. Requests are answered on its own threads, by the handler.
public final class HTTPServer: Sendable {
    /// The address that it listens on, as a number; or the path of its socket in the file system.
    public let address: String
    /// The port that it listens on; 0 of a socket in the file system.
    public let port: Int

    /// The most header fields of a request.
    public static let maximumHeadFields = HeadBounds.fields

    private let daemon: Daemon
    private let socket: ListeningSocket

    /// Opens the socket, starts the threads and serves.
    ///
    /// - Throws: ``HTTPServerError`` when the address cannot be had, the system does not allow as many threads, or the
    ///   configuration is out of range.
    public init(_ configuration: HTTPServerConfiguration, handler: some HTTPHandler) throws(HTTPServerError) {
        guard (0...65535).contains(configuration.port) else {
            throw HTTPServerError("the port is \(configuration.port); it must be from 0 to 65535")
        }
        guard (1...1024).contains(configuration.threads) else {
            throw HTTPServerError("the number of threads is \(configuration.threads); it must be from 1 to 1024")
        }
        guard configuration.maxConnections >= configuration.threads, configuration.maxConnections <= Int(Int32.max)
        else {
            throw HTTPServerError(
                "the most connections are \(configuration.maxConnections); there must be at least one for each of the "
                    + "\(configuration.threads) threads")
        }
        guard HTTPServerConfiguration.headSizes.contains(configuration.maxHeadBytes) else {
            throw HTTPServerError(
                "the most bytes of a head are \(configuration.maxHeadBytes); they must be from "
                    + "\(HTTPServerConfiguration.headSizes.lowerBound) to \(HTTPServerConfiguration.headSizes.upperBound)"
            )
        }
        let socket = try ListeningSocket(configuration)
        self.socket = socket
        address = socket.address
        port = socket.port
        daemon = try Daemon(configuration, socket: socket, handler: handler)
    }

    /// Accepts no more connections; those that are open go on.
    public func stopListening() {
        socket.remove()
        daemon.stopListening()
    }

    /// Ends the threads and closes all connections, whatever they are about. Blocks until that is done, and the access log written.
    public func stop() {
        socket.remove()
        daemon.stop()
    }

    /// How many connections are open, those included that are told that there is no room for them.
    public var connectionCount: Int { daemon.connectionCount }

    /// How many requests have begun and are not answered in full.
    public var requestsInFlight: Int { daemon.requestsInFlight }

    /// Bytes of request lines, headers and bodies that were received, and of response bodies that were sent.
    public var bytes: (received: Int, sent: Int) { daemon.bytes }

    /// How many lines of the access log were dropped; nil if there is no such log.
    public var droppedAccessLogLines: Int? { daemon.accessLog?.droppedLines }
}
