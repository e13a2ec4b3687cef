internal import CGnuTLS
internal import Threading

/// The credentials of a server, which can be exchanged while it serves: a handshake goes by those that there are when it begins, and
/// connections that are open stay as they are.
public final class ServerTLS: Sendable {
    /// All that there ever were; the last are those that new connections get.
    ///
    /// Invariant: sessions refer to credentials without owning them, so none is freed before the server is gone. They are some
    /// kilobytes, and exchanged when a certificate is.
    private let credentials: Locked<[TLSCredentials]>

    public init(_ credentials: TLSCredentials) { self.credentials = Locked([credentials]) }

    /// Goes by other credentials from now on.
    public func replace(_ credentials: TLSCredentials) { self.credentials.withLock { $0.append(credentials) } }

    /// Those that there are now.
    var current: TLSCredentials { credentials.withLock { $0[$0.count - 1] } }

    /// TLS 1.2 and 1.3, and of the key exchanges of 1.2 the ephemeral ones on curves: what was recorded stays secret when the key gets
    /// known later, and a client cannot ask for the dear ones.
    static let priorities: StaticString = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA"

    /// Has no certificate: libmicrohttpd wants a function that gives one, but each session is given credentials of its own before the
    /// handshake (see ``TLSConnection``). If that ever fails, so does the handshake.
    ///
    /// It is a `gnutls_certificate_retrieve_function2`; what it ignores is written as plain pointers.
    static let noCertificate:
        @convention(c) (
            gnutls_session_t?, UnsafePointer<gnutls_datum_t>?, CInt, UnsafePointer<gnutls_pk_algorithm_t>?, CInt,
            UnsafeMutableRawPointer?, UnsafeMutablePointer<CUnsignedInt>?, UnsafeMutableRawPointer?
        ) -> CInt = { _, _, _, _, _, _, _, _ in -1 }
}
