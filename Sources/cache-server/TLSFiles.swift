import MicroHTTP

/// The files that the server's certificate, its key and the authorities of its clients are in.
struct TLSFiles: Sendable, Equatable {
    let certificate: String
    let key: String
    let clientAuthorities: String?

    /// Nil without a certificate.
    ///
    /// - Throws: ``SettingError`` for one that makes no sense without another that is not given.
    init?(certificate: String?, key: String?, clientAuthorities: String?) throws(SettingError) {
        guard let certificate else {
            for (setting, path) in [(Settings.tlsKey, key), (Settings.tlsClientCA, clientAuthorities)] {
                guard let path else { continue }
                throw SettingError(
                    "\(setting.name.hyphenated) \(path) is given without \(Settings.tlsCert.name.hyphenated): it must have the "
                        + "certificate of the server beside it")
            }
            return nil
        }
        guard let key else {
            throw SettingError(
                "\(Settings.tlsCert.name.hyphenated) \(certificate) is given without \(Settings.tlsKey.name.hyphenated): it must "
                    + "have the key of the certificate beside it")
        }
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
    }

    /// What the files have now.
    ///
    /// - Throws: ``Unusable`` if one cannot be read, or is not what it must be.
    func read() throws(Unusable) -> TLSCredentials {
        let certificateText = try contents(.certificate)
        let keyText = try contents(.key)
        let authorityText = clientAuthorities == nil ? nil : try contents(.clientAuthorities)
        do throws(TLSCredentialsError) {
            return try TLSCredentials(certificate: certificateText, key: keyText, clientAuthorities: authorityText)
        } catch {
            throw unusable(error.part, error.reason)
        }
    }

    private func contents(_ part: TLSCredentialsError.Part) throws(Unusable) -> [UInt8] {
        do throws(SystemError) {
            return try File.contents(of: file(part).path)
        } catch {
            throw unusable(part, error.description)
        }
    }

    private func unusable(_ part: TLSCredentialsError.Part, _ reason: String) -> Unusable {
        let (name, path) = file(part)
        return Unusable("cannot use the file of \(name.hyphenated), \(path): \(reason)")
    }

    private func file(_ part: TLSCredentialsError.Part) -> (name: SettingName, path: String) {
        switch part {
        case .certificate: (Settings.tlsCert.name, certificate)
        case .key: (Settings.tlsKey.name, key)
        case .clientAuthorities: (Settings.tlsClientCA.name, clientAuthorities ?? "")
        }
    }

    struct Unusable: Error, Equatable, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
