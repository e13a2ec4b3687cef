internal import HTTPClient
internal import TestSupport
internal import Testing

/// A client, and a raw server for it. Both are to be ended by ``end(_:_:)``.
func serve(
    _ configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
    _ script: @escaping @Sendable (RawConnection, Int) throws -> Void
) throws -> (client: HTTPClient, server: RawServer) {
    (try HTTPClient(configuration), try RawServer(script))
}

func end(_ client: HTTPClient, _ server: RawServer) {
    client.stop()
    server.stop()
}

extension HTTPClient {
    /// The code of the error that a request must end with.
    func failure(_ request: HTTPClientRequest) async -> HTTPClientError? {
        do throws(HTTPClientError) {
            let response = try await send(request)
            Issue.record("answered \(response.status) where it must fail")
            return nil
        } catch {
            return error
        }
    }
}

extension HTTPClientStream {
    /// All that comes, to the end.
    func readAll() async throws(HTTPClientError) -> [UInt8] {
        var all: [UInt8] = []
        while let piece = try await next() { all += piece }
        return all
    }
}

extension HTTPClientResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
}
