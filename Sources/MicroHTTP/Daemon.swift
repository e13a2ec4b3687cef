internal import CMicroHTTPD
internal import Glibc
internal import Threading

/// libmicrohttpd's daemons, one a thread, and their protocol of many calls a request.
///
/// Each thread is a daemon of its own, on the same socket; the library's own pool of threads could not be told to listen no more.
///
/// Nor is `MHD_quiesce_daemon` used for that: it races with the daemon's thread for the removal of the socket from what that waits for, and
/// the one that comes second aborts the process. Instead, something that nobody ever connects to takes the place of the socket, under
/// its number.
///
/// What is called back is in Exchange.swift.
///
/// Invariants: the workers live as long as the daemons, which call back only until ``stop()`` returns. A connection's
/// calls come one after another, on the thread of the daemon that owns it.
final class Daemon: Sendable {
    let accessLog: AccessLog?
    private let workers: [Worker]
    private let state: Locked<State>
    /// Ends slow connections, if there is to be an end of them.
    private let sweeper: Sweeper?
    /// nil for plain HTTP.
    private let handshakes: WaitingHandshakes?

    private struct State: @unchecked Sendable {
        // Sendable: the daemon's functions used here may be called from any thread; `Locked` keeps them apart.
        var daemons: [OpaquePointer] = []
        /// What each daemon listens on, which it closes at its end; none once they listen no more.
        var sockets: [CInt] = []
        /// What takes their place: it is never ready. Here from the beginning, so that it can be had when the time has come; -1 when it is
        /// of no use any more.
        var silence: CInt = -1
    }

    init(_ configuration: HTTPServerConfiguration, socket: ListeningSocket, handler: some HTTPHandler)
        throws(HTTPServerError)
    {
        let accessLog = configuration.accessLog
        self.accessLog = accessLog
        let dispatcher = Dispatcher(handler, isTimed: accessLog != nil)
        let pace = configuration.requestTimeout.map {
            RequestPace.Bounds(patience: $0, leastBytesPerSecond: HTTPServerConfiguration.leastBytesPerSecond)
        }
        let limits = ConnectionLimits(
            most: configuration.maxConnections, mostOfAddress: configuration.maxConnectionsPerAddress)
        let tls = try configuration.tls.map { server throws(HTTPServerError) in
            (server: server, handshakes: try WaitingHandshakes(patience: configuration.handshakePatience))
        }
        handshakes = tls?.handshakes
        workers = (0..<configuration.threads).map { _ in
            Worker(
                dispatcher, limits: limits, mostRefused: configuration.refusable / 2,
                watch: pace.map { ConnectionWatch($0) }, tls: tls,
                headBounds: HeadBounds(bytes: configuration.maxHeadBytes),
                mostBodyBytes: configuration.maxBodyMemory / configuration.threads,
                accessLog: accessLog?.makeLines())
        }
        var options = mhd_configuration()
        options.threads = 1
        options.head_bytes = configuration.maxHeadBytes
        options.timeout = CUnsignedInt(clamping: (configuration.idleTimeout / .seconds(1)).rounded(.up))
        options.target = handleTarget
        options.handler = handleAccess
        options.completed = handleCompletion
        options.connected = handleConnection
        // It is chance which thread accepts a connection.
        options.connection_limit = CUnsignedInt(clamping: configuration.maxConnections + configuration.refusable)
        if tls != nil {
            options.tls_priorities = UnsafeRawPointer(ServerTLS.priorities.utf8Start)
                .assumingMemoryBound(to: CChar.self)
            options.tls_certificate = unsafeBitCast(ServerTLS.noCertificate, to: UnsafeMutableRawPointer.self)
        }
        var state = State()
        state.silence = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        for (thread, worker) in workers.enumerated() {
            options.context = Unmanaged.passUnretained(worker).toOpaque()
            // Each daemon closes the descriptor that it was given, even when it fails to start.
            options.listen_socket = thread == 0 ? socket.descriptor : fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0)
            guard state.silence >= 0, options.listen_socket >= 0, let daemon = mhd_start(&options) else {
                let reason = String(cString: strerror(errno))
                handshakes?.stop()
                for daemon in state.daemons { MHD_stop_daemon(daemon) }
                if state.silence >= 0 { close(state.silence) }
                throw HTTPServerError(
                    "cannot start \(configuration.threads) threads for \(configuration.maxConnections) connections: "
                        + reason)
            }
            state.daemons.append(daemon)
            state.sockets.append(options.listen_socket)
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
        let daemons = state.withLock { state in
            Self.stopListening(&state)
            defer { state = State() }
            return state.daemons
        }
        handshakes?.stop()
        for worker in workers { worker.waiting.stop() }
        for daemon in daemons { MHD_stop_daemon(daemon) }
        if !daemons.isEmpty { accessLog?.flush() }
    }

    private static func stopListening(_ state: inout State) {
        guard state.silence >= 0 else { return }
        // The socket itself is gone with the last descriptor of it: then it refuses, and no thread waits for it any more. A thread that
        // is about to accept a connection is told that this is no socket, and goes on.
        for socket in state.sockets {
            while dup2(state.silence, socket) < 0, errno == EINTR || errno == EBUSY {}
            _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        }
        state.sockets = []
        close(state.silence)
        state.silence = -1
    }
}

extension HTTPServerConfiguration {
    /// How long a TLS handshake may take: as long as a connection may be silent, and a request slow; nil for any time.
    fileprivate var handshakePatience: Duration? {
        [requestTimeout, idleTimeout > .zero ? idleTimeout : nil].compactMap { $0 }.min()
    }
}

extension CUnsignedInt {
    fileprivate init(clamping seconds: Double) {
        self = seconds <= 0 ? 0 : seconds >= Double(Int32.max) ? CUnsignedInt(Int32.max) : CUnsignedInt(seconds)
    }
}
