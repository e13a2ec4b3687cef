internal import CGnuTLS

/// What a server proves with who it is, and what it knows its clients by: a certificate with its key, and authorities.
public final class TLSCredentials: @unchecked Sendable {
    // Sendable: made in init, freed in deinit, and only read in between. GnuTLS lets sessions on any threads share them.
    let handle: gnutls_certificate_credentials_t
    /// Whether clients are asked for certificates.
    let asksClients: Bool

    /// - Parameters:
    ///   - certificate: The server's certificate in PEM, and behind it those that lead to an authority, each the issuer of the one before.
    ///   - key: The certificate's private key in PEM, without a password.
    ///   - clientAuthorities: The certificates in PEM of those who may vouch for clients; nil if clients need no certificate.
    /// - Throws: ``TLSCredentialsError`` for the first of them that cannot be used.
    public init(certificate: [UInt8], key: [UInt8], clientAuthorities: [UInt8]? = nil) throws(TLSCredentialsError) {
        var handle: gnutls_certificate_credentials_t?
        guard gnutls_certificate_allocate_credentials(&handle) == 0, let handle else {
            throw TLSCredentialsError(.certificate, "there is no memory for it")
        }
        do throws(TLSCredentialsError) {
            try Self.add(certificate: certificate, key: key, to: handle)
            if let clientAuthorities { try Self.add(authorities: clientAuthorities, to: handle) }
        } catch {
            gnutls_certificate_free_credentials(handle)
            throw error
        }
        if clientAuthorities != nil { gnutls_certificate_set_verify_function(handle, checkClientCertificate) }
        self.handle = handle
        asksClients = clientAuthorities != nil
    }

    deinit { gnutls_certificate_free_credentials(handle) }

    private static func add(
        certificate: [UInt8], key: [UInt8], to handle: gnutls_certificate_credentials_t
    ) throws(TLSCredentialsError) {
        var chain: UnsafeMutablePointer<gnutls_x509_crt_t?>?
        var count: CUnsignedInt = 0
        let read = withDatum(certificate) { gnutls_x509_crt_list_import2(&chain, &count, &$0, GNUTLS_X509_FMT_PEM, 0) }
        guard read >= 0, count > 0, let chain else {
            throw TLSCredentialsError(.certificate, "it is no certificate in PEM (\(text(read)))")
        }
        // The list is ours, and the credentials have copies.
        defer {
            for index in 0..<Int(count) { gnutls_x509_crt_deinit(chain[index]) }
            gnutls_release(chain)
        }
        var privateKey: gnutls_x509_privkey_t?
        guard gnutls_x509_privkey_init(&privateKey) == 0, let privateKey else {
            throw TLSCredentialsError(.key, "there is no memory for it")
        }
        defer { gnutls_x509_privkey_deinit(privateKey) }
        let unlocked = withDatum(key) { gnutls_x509_privkey_import2(privateKey, &$0, GNUTLS_X509_FMT_PEM, nil, 0) }
        guard unlocked == 0 else {
            throw TLSCredentialsError(.key, "it is no private key in PEM, or has a password (\(text(unlocked)))")
        }
        let status = gnutls_certificate_set_x509_key(handle, chain, CInt(count), privateKey)
        guard status != GNUTLS_E_CERTIFICATE_KEY_MISMATCH else {
            throw TLSCredentialsError(.key, "it is not the key of the first certificate")
        }
        guard status >= 0 else { throw TLSCredentialsError(.certificate, text(status)) }
    }

    private static func add(
        authorities: [UInt8], to handle: gnutls_certificate_credentials_t
    ) throws(TLSCredentialsError) {
        let count = withDatum(authorities) { gnutls_certificate_set_x509_trust_mem(handle, &$0, GNUTLS_X509_FMT_PEM) }
        guard count > 0 else {
            let reason = count < 0 ? " (\(text(count)))" : ""
            throw TLSCredentialsError(.clientAuthorities, "it has no certificate in PEM\(reason)")
        }
    }

    private static func text(_ status: CInt) -> String { String(cString: gnutls_strerror(status)) }
}

/// Why credentials cannot be used.
public struct TLSCredentialsError: Error, Sendable, Equatable {
    public enum Part: Sendable {
        case certificate, key, clientAuthorities
    }

    /// What is wrong.
    public let part: Part
    /// What is wrong with it.
    public let reason: String

    init(_ part: Part, _ reason: String) {
        self.part = part
        self.reason = reason
    }
}

/// Calls `body` with bytes as GnuTLS takes them; it only reads them, and keeps none.
private func withDatum(_ bytes: [UInt8], _ body: (inout gnutls_datum_t) -> CInt) -> CInt {
    // Text for GnuTLS ends with a NUL where its length is not heeded.
    var text = bytes + [0]
    let count = CUnsignedInt(clamping: bytes.count)
    return text.withUnsafeMutableBufferPointer {
        var datum = gnutls_datum_t(data: $0.baseAddress, size: count)
        return body(&datum)
    }
}
