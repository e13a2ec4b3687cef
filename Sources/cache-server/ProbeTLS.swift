import CGnuTLS
import Glibc

/// The client's end of TLS on a probe's socket.
///
/// It does not verify the server's certificate: it asks this machine's own server, sends no secret, and believes nothing but that
/// the server is ready; and the certificate is for the name that others know the server by.
final class ProbeTLS: ProbeStream {
    // Made in init, freed in deinit, and used by no other thread.
    private let session: gnutls_session_t
    private let credentials: gnutls_certificate_credentials_t
    private let link: ProbeLink

    /// Shakes hands.
    init(_ link: ProbeLink) throws(HealthProbe.Failure) {
        var session: gnutls_session_t?
        var credentials: gnutls_certificate_credentials_t?
        guard gnutls_certificate_allocate_credentials(&credentials) == 0, let credentials else { throw Self.noMemory }
        let flags = CUnsignedInt(GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL)
        guard gnutls_init(&session, flags) == 0, let session else {
            gnutls_certificate_free_credentials(credentials)
            throw Self.noMemory
        }
        self.session = session
        self.credentials = credentials
        self.link = link
        gnutls_set_default_priority(session)
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials))
        gnutls_transport_set_int2(session, link.descriptor, link.descriptor)
        _ = try finished { Int(gnutls_handshake(session)) }
    }

    deinit {
        gnutls_deinit(session)
        gnutls_certificate_free_credentials(credentials)
    }

    func send(_ bytes: ArraySlice<UInt8>) throws(HealthProbe.Failure) -> Int {
        try finished { bytes.withUnsafeBytes { gnutls_record_send(session, $0.baseAddress, $0.count) } }
    }

    func receive(_ most: Int) throws(HealthProbe.Failure) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: most)
        let count = try finished { gnutls_record_recv(session, &buffer, most) }
        return Array(buffer[..<count])
    }

    /// Calls a function of GnuTLS until it need not wait for the socket.
    private func finished(_ call: () -> Int) throws(HealthProbe.Failure) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            let error = CInt(truncatingIfNeeded: result)
            if error == GNUTLS_E_AGAIN || error == GNUTLS_E_INTERRUPTED {
                try link.wait(for: gnutls_record_get_direction(session) == 0 ? POLLIN : POLLOUT)
            } else if gnutls_error_is_fatal(error) != 0 {
                throw HealthProbe.Failure(reason: "TLS: \(String(cString: gnutls_strerror(error)))")
            }
        }
    }

    private static var noMemory: HealthProbe.Failure { HealthProbe.Failure(reason: "there is no memory for TLS") }
}
