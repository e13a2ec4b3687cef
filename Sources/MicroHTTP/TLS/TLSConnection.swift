internal import CGnuTLS
internal import CMicroHTTPD
internal import Glibc

/// A connection over TLS: the way of its bytes to GnuTLS, which knows how to wait.
///
/// libmicrohttpd 0.9.75 does not wait for the next part of a handshake: its thread would run round and round until it comes. So
/// GnuTLS reads and writes by the functions here, and when the system has nothing for a handshake, the connection is
/// suspended and put into ``WaitingHandshakes``, until there is something.
///
/// Invariants: it is made when the connection is opened, before its handshake, and released when it is closed, after the library has
/// freed the session. Its functions are called within the library's calls for the connection, on the thread that owns it:
/// one after another, and where suspending is allowed.
final class TLSConnection {
    private let session: gnutls_session_t
    private let connection: OpaquePointer
    private let socket: CInt
    private let handshakes: WaitingHandshakes
    private let start = ContinuousClock.now
    /// Which ends of the handshake are behind it: the client's, the server's.
    @exclusivity(unchecked) private var finished = (client: false, server: false)

    /// Makes a new connection ready for its handshake; nil if it has no session.
    ///
    /// - Parameters:
    ///   - connection: The library's.
    ///   - tls: The credentials.
    ///   - handshakes: Where it waits.
    init?(_ connection: OpaquePointer, _ tls: ServerTLS, _ handshakes: WaitingHandshakes) {
        guard let session = mhd_tls_session(connection) else { return nil }
        self.session = OpaquePointer(session)
        self.connection = connection
        self.handshakes = handshakes
        socket = mhd_socket(connection)
        let credentials = tls.current
        gnutls_credentials_set(self.session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials.handle))
        if credentials.asksClients { gnutls_certificate_server_set_request(self.session, GNUTLS_CERT_REQUEST) }
        gnutls_transport_set_ptr(self.session, Unmanaged.passUnretained(self).toOpaque())
        gnutls_transport_set_pull_function(self.session, pull)
        gnutls_transport_set_vec_push_function(self.session, push)
        gnutls_handshake_set_hook_function(
            self.session, GNUTLS_HANDSHAKE_FINISHED.rawValue, GNUTLS_HOOK_POST, noteFinished)
    }

    private var isInHandshake: Bool { !(finished.client && finished.server) }

    fileprivate func finish(byClient: Bool) {
        if byClient { finished.client = true } else { finished.server = true }
    }

    fileprivate func receive(_ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
        result(recv(socket, buffer, count, 0), waitingFor: EPOLLIN)
    }

    fileprivate func send(_ pieces: UnsafePointer<iovec>?, _ count: CInt) -> Int {
        var message = msghdr()
        // The system only reads it.
        message.msg_iov = UnsafeMutablePointer(mutating: pieces)
        message.msg_iovlen = Int(count)
        return result(sendmsg(socket, &message, CInt(MSG_NOSIGNAL)), waitingFor: EPOLLOUT)
    }

    private func result(_ count: Int, waitingFor event: EPOLL_EVENTS) -> Int {
        guard count < 0 else { return count }
        var error = errno
        if error == EAGAIN, isInHandshake, !handshakes.wait(connection, socket, event, since: start) {
            error = ECONNABORTED
        }
        // What was called since may have set errno.
        gnutls_transport_set_errno(session, error)
        return count
    }

    // MARK: Refusing

    /// Whether the client's certificate is refused.
    @exclusivity(unchecked) private(set) var isRefused = false
    /// How many bytes more are thrown away then.
    @exclusivity(unchecked) private var budget = 64 << 10

    enum Refusal {
        /// The client may still have to see what it was sent.
        case waits
        case isOver
    }

    /// Says to a client that nothing more comes, and throws away what it sends until it has seen that.
    func refuse() -> Refusal {
        if !isRefused { shutdown(socket, CInt(SHUT_WR)) }
        isRefused = true
        var piece = [UInt8](repeating: 0, count: 4096)
        while budget > 0 {
            let count = recv(socket, &piece, piece.count, 0)
            guard count > 0 else {
                let mayWait = count < 0 && errno == EAGAIN
                return mayWait && handshakes.wait(connection, socket, EPOLLIN, since: start) ? .waits : .isOver
            }
            budget -= count
        }
        return .isOver
    }

    // MARK: Past the library

    /// Sends bytes as they are, and the end of the session behind them.
    ///
    /// - Returns: Whether the system has taken all of them.
    static func sendLast(_ bytes: UnsafeRawBufferPointer, _ session: UnsafeMutableRawPointer) -> Bool {
        let session = OpaquePointer(session)
        var rest = bytes
        while !rest.isEmpty {
            let count = gnutls_record_send(session, rest.baseAddress, rest.count)
            guard count > 0 else { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return gnutls_bye(session, GNUTLS_SHUT_WR) == 0
    }
}

private let pull: gnutls_pull_func = { context, buffer, count in
    guard let context else { return -1 }
    return Unmanaged<TLSConnection>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.receive(buffer, count) }
}

private let push: gnutls_vec_push_func = { context, pieces, count in
    guard let context else { return -1 }
    return Unmanaged<TLSConnection>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.send(pieces, count) }
}

private let noteFinished: gnutls_handshake_hook_func = { session, _, _, isIncoming, _ in
    guard let session, let context = gnutls_transport_get_ptr(session) else { return 0 }
    Unmanaged<TLSConnection>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.finish(byClient: isIncoming != 0) }
    return 0
}
