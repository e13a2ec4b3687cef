internal import CGnuTLS

/// Ends a handshake whose client shows a certificate that it cannot be known by: none of the authorities vouches for it, its time is
/// not now, or it is not for clients. One who shows none passes here: ``RequestHead/hasClientCertificate`` tells.
///
/// The library sends no alert for it, and resets the connection under a client who has sent a request already, as one of TLS 1.3 has:
/// so the alert is sent here, and what comes is thrown away before the handshake fails.
let checkClientCertificate: @convention(c) (gnutls_session_t?) -> CInt = { session in
    guard let session, let context = gnutls_transport_get_ptr(session), hasCertificate(session) else { return 0 }
    return Unmanaged<TLSConnection>.fromOpaque(context)._withUnsafeGuaranteedRef { connection in
        if !connection.isRefused {
            guard let alert = fault(session) else { return 0 }
            gnutls_alert_send(session, GNUTLS_AL_FATAL, alert)
        }
        return connection.refuse() == .waits ? GNUTLS_E_AGAIN : -1
    }
}

/// What is wrong with the certificate of a session's client; nil if it is good.
private func fault(_ session: gnutls_session_t) -> gnutls_alert_description_t? {
    var faults: CUnsignedInt = 0
    // id-kp-clientAuth (RFC 5280, section 4.2.1.12). The text lives as long as the program.
    let purpose: StaticString = "1.3.6.1.5.5.7.3.2"
    var wanted = gnutls_typed_vdata_st(
        type: GNUTLS_DT_KEY_PURPOSE_OID, data: UnsafeMutablePointer(mutating: purpose.utf8Start), size: 0)
    let status = gnutls_certificate_verify_peers(session, &wanted, 1, &faults)
    return status == 0 && faults == 0 ? nil : alert(faults)
}

/// Whether the client of a session, whose handshake is over, showed a certificate. It is a good one then: the handshake checks.
func hasCertificate(_ session: gnutls_session_t) -> Bool {
    var count: CUnsignedInt = 0
    return gnutls_certificate_get_peers(session, &count) != nil && count > 0
}

private func alert(_ faults: CUnsignedInt) -> gnutls_alert_description_t {
    func has(_ fault: gnutls_certificate_status_t) -> Bool { faults & fault.rawValue != 0 }
    if has(GNUTLS_CERT_SIGNER_NOT_FOUND) { return GNUTLS_A_UNKNOWN_CA }
    if has(GNUTLS_CERT_EXPIRED) || has(GNUTLS_CERT_NOT_ACTIVATED) { return GNUTLS_A_CERTIFICATE_EXPIRED }
    if has(GNUTLS_CERT_PURPOSE_MISMATCH) { return GNUTLS_A_UNSUPPORTED_CERTIFICATE }
    return GNUTLS_A_BAD_CERTIFICATE
}
