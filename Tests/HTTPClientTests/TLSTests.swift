internal import Foundation
internal import HTTPClient
internal import MicroHTTP
internal import TestSupport
internal import Testing

@Suite("HTTPClient: TLS")
struct TLSTests {
    @Test("Only a server that is vouched for, for its own name, is talked to")
    func certificates() async throws {
        let identity = TestCertificate.first
        let credentials = try TLSCredentials(certificate: identity.certificate, key: identity.key)
        let configuration = HTTPServerConfiguration(port: 0, tls: ServerTLS(credentials))
        let server = try HTTPServer(configuration, handler: Greeter())
        defer { server.stop() }
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let good = folder.appending(path: "good.pem")
        let other = folder.appending(path: "other.pem")
        try Data(identity.certificate).write(to: good)
        try Data(TestCertificate.second.certificate).write(to: other)

        let client = try HTTPClient()
        defer { client.stop() }
        let url = "https://localhost:\(server.port)/"
        for _ in 0..<3 {
            let response = try await client.send(HTTPClientRequest(url: url, caFile: good.path))
            #expect(response.text == "hello")
        }
        let stranger = await client.failure(HTTPClientRequest(url: url, caFile: other.path))
        #expect(stranger?.code == .tls)
        let unknown = await client.failure(HTTPClientRequest(url: url))
        #expect(unknown?.code == .tls)
        let leadsOut = await client.failure(HTTPClientRequest(url: url + "out", caFile: good.path))
        #expect(leadsOut?.code == .redirects)
        let elsewhere = try HTTPServer(
            HTTPServerConfiguration(host: "127.0.0.2", port: 0, tls: ServerTLS(credentials)), handler: Greeter())
        defer { elsewhere.stop() }
        let misnamed = await client.failure(
            HTTPClientRequest(url: "https://127.0.0.2:\(elsewhere.port)/", caFile: good.path))
        #expect(misnamed?.code == .tls)
        let missing = await client.failure(HTTPClientRequest(url: url, caFile: "/nonexistent.pem"))
        #expect(missing?.code == .tls)
    }

    @Test("A server that does not speak TLS is not talked to")
    func plain() async throws {
        let (client, server) = try serve { connection, _ in
            try connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.awaitEnd()
        }
        defer { end(client, server) }
        let error = await client.failure(HTTPClientRequest(url: "https://127.0.0.1:\(server.port)/"))
        #expect(error?.code == .tls)
    }
}

private struct Greeter: HTTPHandler {
    func admit(_ head: RequestHead) -> Admission { .collect(limit: 0) }
    func respond(to request: Request) -> Reply {
        guard request.head.path.elementsEqual("/out".utf8) else {
            return .now(Response(status: 200, body: .bytes(Array("hello".utf8))))
        }
        var headers = HeaderFields()
        headers.add("Location", "http://127.0.0.1:1/")
        return .now(Response(status: 302, headers: headers))
    }
    func refuse(_ head: RequestHead, overLimit limit: Int) -> Response { Response(status: 413) }
    func refuse(overloaded head: RequestHead) -> Response { Response(status: 503) }
    func refuse(_ refusal: ConnectionRefusal) -> Response { Response(status: 503) }
    func refuse(malformed detail: String) -> Response { Response(status: 400) }
    func refuse(headTooLarge detail: String) -> Response { Response(status: 431) }
}
