internal import CMicroHTTPD
internal import Glibc
internal import Threading

/// libmicrohttpd's daemons, one a thread, and their protocol of many calls a request.
///
/// The library can run a pool of threads in one daemon, but can then abort the process when a busy one is told to
/// listen no more (`MHD_quiesce_daemon` races with the pool's threads): so each thread is a daemon of its own, on the same socket.
///
/// What is called back is in Exchange.swift.
///
/// Invariants: the workers live as long as the daemons, which call back only until ``stop()`` returns. A connection's
/// calls come one after another, on the thread of the daemon that owns it.
final class Daemon: Sendable {
    private let workers: [Worker]
    private let state: Locked<State>
    /// Ends slow connections, if there is to be an end of them.
    private let sweeper: Sweeper?

    private struct State: @unchecked Sendable {
        // Sendable: the daemon's functions used here may be called from any thread; `Locked` keeps them apart.
        var daemons: [OpaquePointer] = []
        /// The daemons' sockets once they listen no more. Their threads may look at them until they have ended.
        var deafSockets: [CInt] = []
    }

    init(_ configuration: HTTPServerConfiguration, socket: ListeningSocket, handler: some HTTPHandler)
        throws(HTTPServerError)
    {
        let dispatcher = Dispatcher(handler)
        let pace = configuration.requestTimeout.map {
            RequestPace.Bounds(patience: $0, leastBytesPerSecond: HTTPServerConfiguration.leastBytesPerSecond)
        }
        workers = (0..<configuration.threads).map { _ in
            Worker(
                dispatcher, watch: pace.map { ConnectionWatch($0) },
                mostBodyBytes: configuration.maxBodyMemory / configuration.threads)
        }
        var options = mhd_configuration()
        options.threads = 1
        options.timeout = CUnsignedInt(clamping: (configuration.idleTimeout / .seconds(1)).rounded(.up))
        options.target = handleTarget
        options.handler = handleAccess
        options.completed = handleCompletion
        options.connected = handleConnection
        var state = State()
        for (thread, worker) in workers.enumerated() {
            options.context = Unmanaged.passUnretained(worker).toOpaque()
            let (share, rest) = configuration.maxConnections.quotientAndRemainder(dividingBy: configuration.threads)
            options.connection_limit = CUnsignedInt(thread < rest ? share + 1 : share)
            // Each daemon closes the descriptor that it was given, even when it fails to start.
            options.listen_socket = thread == 0 ? socket.descriptor : fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0)
            guard options.listen_socket >= 0, let daemon = mhd_start(&options) else {
                let reason = String(cString: strerror(errno))
                for daemon in state.daemons { MHD_stop_daemon(daemon) }
                throw HTTPServerError(
                    "cannot start \(configuration.threads) threads for \(configuration.maxConnections) connections: "
                        + reason)
            }
            state.daemons.append(daemon)
        }
        self.state = Locked(state)
        sweeper = configuration.requestTimeout.map { [workers] timeout in
            let start = ContinuousClock.now
            return Sweeper(every: timeout / 5) {
                let now = ContinuousClock.now - start
                for worker in workers { worker.watch?.cutSlow(at: now) }
            }
        }
    }

    deinit { stop() }

    var connectionCount: Int {
        state.withLock { state in state.daemons.reduce(0) { $0 + Int(mhd_connection_count($1)) } }
    }

    /// How many requests have begun and are not answered in full.
    var requestsInFlight: Int { workers.reduce(0) { $0 + $1.traffic.requestsInFlight } }

    var bytes: (received: Int, sent: Int) {
        workers.reduce((0, 0)) { sum, worker in
            let bytes = worker.traffic.bytes
            return (sum.0 + bytes.received, sum.1 + bytes.sent)
        }
    }

    func stopListening() {
        state.withLock { Self.stopListening(&$0) }
    }

    func stop() {
        let (daemons, sockets) = state.withLock { state in
            Self.stopListening(&state)
            defer { state = State() }
            return (state.daemons, state.deafSockets)
        }
        for daemon in daemons { MHD_stop_daemon(daemon) }
        for socket in sockets { close(socket) }
    }

    private static func stopListening(_ state: inout State) {
        guard state.deafSockets.isEmpty else { return }
        state.deafSockets = state.daemons.map { MHD_quiesce_daemon($0) }.filter { $0 >= 0 }
        // The descriptors stay open for the threads that may still use them; the socket itself refuses from here on.
        if let socket = state.deafSockets.first { shutdown(socket, CInt(SHUT_RDWR)) }
    }
}

extension CUnsignedInt {
    fileprivate init(clamping seconds: Double) {
        self = seconds <= 0 ? 0 : seconds >= Double(Int32.max) ? CUnsignedInt(Int32.max) : CUnsignedInt(seconds)
    }
}
