import CacheCore
import CacheService
import MicroHTTP
import TestSupport
import Testing

@testable import cache_server

@Suite("TLS of the program")
struct TLSTests {
    @Test("Files that make no sense without another are refused")
    func pairs() throws {
        #expect(try TLSFiles(certificate: nil, key: nil, clientAuthorities: nil) == nil)
        let both = try TLSFiles(certificate: "c", key: "k", clientAuthorities: "a")
        #expect(both?.clientAuthorities == "a")
        func message(_ certificate: String?, _ key: String?, _ authorities: String?) -> String? {
            do throws(SettingError) {
                _ = try TLSFiles(certificate: certificate, key: key, clientAuthorities: authorities)
                return nil
            } catch {
                return error.description
            }
        }
        #expect(message("c", nil, nil)?.hasPrefix("tls-cert c is given without tls-key: ") == true)
        #expect(message(nil, "k", nil)?.hasPrefix("tls-key k is given without tls-cert: ") == true)
        #expect(message(nil, nil, "a")?.hasPrefix("tls-client-ca a is given without tls-cert: ") == true)
    }

    /// What is said of files that cannot be used; nil if they can.
    private func message(_ certificate: String, _ key: String, _ authorities: String? = nil) throws -> String? {
        let files = try #require(try TLSFiles(certificate: certificate, key: key, clientAuthorities: authorities))
        do throws(TLSFiles.Unusable) {
            _ = try files.read()
            return nil
        } catch {
            return error.description
        }
    }

    @Test("A file that cannot be used is named, with its option")
    func unusable() throws {
        let good = TestCertificate.first
        try withTemporaryFile(String(decoding: good.certificate, as: UTF8.self)) { certificate in
            try withTemporaryFile(String(decoding: good.key, as: UTF8.self)) { key in
                let none = key + ".none"
                let good = [try message(certificate, key), try message(certificate, key, certificate)]
                #expect(good == [nil, nil])
                let absent = [try message(none, key), try message(certificate, none)]
                #expect(
                    absent == [
                        "cannot use the file of tls-cert, \(none): No such file or directory",
                        "cannot use the file of tls-key, \(none): No such file or directory",
                    ])
                let swapped = [
                    try message(key, key), try message(certificate, certificate), try message(certificate, key, key),
                ]
                let beginnings = [
                    "cannot use the file of tls-cert, \(key): ", "cannot use the file of tls-key, \(certificate): ",
                    "cannot use the file of tls-client-ca, \(key): ",
                ]
                for (said, beginning) in zip(swapped, beginnings) { #expect(said?.hasPrefix(beginning) == true) }
            }
        }
    }

    private static func tls() throws -> ServerTLS {
        let identity = TestCertificate.first
        return ServerTLS(try TLSCredentials(certificate: identity.certificate, key: identity.key))
    }

    @Test("It warns where everybody may ask, and has neither tokens nor TLS")
    func exposure() throws {
        var http = HTTPServerConfiguration(host: "0.0.0.0")
        let warning = try #require(Exposure.warning(of: http, hasTokens: false))
        #expect(warning.contains("--auth-tokens") && warning.contains("--tls-cert") && warning.contains("0.0.0.0"))
        #expect(Exposure.warning(of: http, hasTokens: true) == nil)
        http.tls = try Self.tls()
        #expect(Exposure.warning(of: http, hasTokens: false) == nil)
        for host in ["127.0.0.1", "127.1.2.3", "::1", "localhost"] {
            #expect(Exposure.warning(of: HTTPServerConfiguration(host: host), hasTokens: false) == nil)
        }
    }

    @Test("The health check speaks TLS, and only where it should", arguments: [true, false], [true, false])
    func probe(serverSpeaksTLS: Bool, probeSpeaksTLS: Bool) throws {
        let service = CacheService(cache: try ProductionCache(capacity: 10), version: "1")
        let configuration = HTTPServerConfiguration(port: 0, tls: serverSpeaksTLS ? try Self.tls() : nil)
        let server = try HTTPServer(configuration, handler: service)
        defer { server.stop() }
        let probe = HealthProbe(speaksTLS: probeSpeaksTLS, listeningHost: "127.0.0.1", port: server.port)
        var isReady = true
        do throws(HealthProbe.Failure) { try probe.run(timeout: .seconds(10)) } catch { isReady = false }
        #expect(isReady == (serverSpeaksTLS == probeSpeaksTLS))
        service.beginDraining()
        if isReady {
            #expect(throws: HealthProbe.Failure(reason: "the answer is 503")) { try probe.run(timeout: .seconds(10)) }
        }
    }
}
