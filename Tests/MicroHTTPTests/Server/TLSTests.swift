internal import TestSupport
internal import Testing

@testable internal import MicroHTTP

/// What the credentials are made of, and handshakes that do not get far. Those that do are tested end to end, with real clients.
struct TLSTests {
    private static let good = TestCertificate.first
    private static let other = TestCertificate.second
    private static let broken = Array(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)

    private func fault(_ certificate: [UInt8], _ key: [UInt8], _ authorities: [UInt8]? = nil) -> TLSCredentialsError? {
        do throws(TLSCredentialsError) {
            _ = try TLSCredentials(certificate: certificate, key: key, clientAuthorities: authorities)
            return nil
        } catch {
            return error
        }
    }

    @Test func goodFilesAreTaken() throws {
        #expect(fault(Self.good.certificate, Self.good.key) == nil)
        // A chain, and a bundle.
        let two = Self.good.certificate + Self.other.certificate
        #expect(fault(two, Self.good.key, two) == nil)
        let asking = try TLSCredentials(
            certificate: two, key: Self.good.key, clientAuthorities: Self.other.certificate)
        #expect(asking.asksClients)
    }

    @Test(arguments: [[], Array("nonsense".utf8), broken, [0, 1, 2], good.key])
    func whatIsNoCertificateIsRefused(text: [UInt8]) {
        let error = fault(text, Self.good.key)
        #expect(error?.part == .certificate)
        #expect(error?.reason.hasPrefix("it is no certificate in PEM") == true)
        let authorities = fault(Self.good.certificate, Self.good.key, text)
        #expect(authorities?.part == .clientAuthorities)
        #expect(authorities?.reason.hasPrefix("it has no certificate in PEM") == true)
    }

    @Test(arguments: [[], Array("nonsense".utf8), broken, [0, 1, 2], good.certificate])
    func whatIsNoKeyIsRefused(text: [UInt8]) {
        let error = fault(Self.good.certificate, text)
        #expect(error?.part == .key)
        #expect(error?.reason.hasPrefix("it is no private key in PEM, or has a password") == true)
    }

    @Test func theKeyOfAnotherCertificateIsRefused() {
        #expect(
            fault(Self.good.certificate, Self.other.key)
                == TLSCredentialsError(.key, "it is not the key of the first certificate"))
        // The leaf has to come first.
        #expect(fault(Self.other.certificate + Self.good.certificate, Self.good.key)?.part == .key)
    }

    private func tls() throws -> ServerTLS {
        ServerTLS(try TLSCredentials(certificate: Self.good.certificate, key: Self.good.key))
    }

    @Test func theLastCredentialsAreInForce() throws {
        let tls = try tls()
        let next = try TLSCredentials(certificate: Self.other.certificate, key: Self.other.key)
        tls.replace(next)
        #expect(tls.current === next)
    }

    @Test func aServerStopsWhileHandshakesWait() throws {
        let configuration = HTTPServerConfiguration(port: 0, threads: 2, tls: try tls())
        let server = try HTTPServer(configuration, handler: TestHandler())
        let connections = try (0..<40).map { _ in try server.connect() }
        for connection in connections.prefix(20) { try connection.send([0x16, 3, 1]) }
        try waitUntil("all are accepted") { server.connectionCount == connections.count }
        server.stop()
        for connection in connections { #expect(try connection.readToEnd().isEmpty) }
    }

    @Test func aHandshakeThatWaitsIsCut() throws {
        let configuration = HTTPServerConfiguration(
            port: 0, idleTimeout: .seconds(60), requestTimeout: .milliseconds(200), tls: try tls())
        let server = try HTTPServer(configuration, handler: TestHandler())
        defer { server.stop() }
        let start = ContinuousClock.now
        let connection = try server.connect()
        #expect(try connection.readToEnd().isEmpty)
        #expect(ContinuousClock.now - start >= .milliseconds(200))
    }

    @Test func plainHTTPIsNotAnswered() throws {
        let configuration = HTTPServerConfiguration(port: 0, tls: try tls())
        let server = try HTTPServer(configuration, handler: TestHandler())
        defer { server.stop() }
        let connection = try server.connect()
        connection.sendAsMuchAsTaken(Array(get("/").utf8))
        #expect(try connection.readToEnd().isEmpty)
    }
}
