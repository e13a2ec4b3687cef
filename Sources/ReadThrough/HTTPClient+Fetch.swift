public import HTTPClient

extension Origins {
    /// Asks origins by an HTTP client. What comes is handled in tasks, so that the client's thread has its hands free.
    public static func fetch(by client: HTTPClient) -> Fetch {
        { request, completion in
            client.send(
                HTTPClientRequest(
                    url: request.url, headers: request.headers, timeout: request.timeout,
                    maxBodyBytes: request.maxBodyBytes, maxRedirects: 0)
            ) { result in
                Task.detached { completion(result.map { OriginAnswer($0) }.mapError { FetchFailure($0) }) }
            }
        }
    }
}

extension OriginAnswer {
    init(_ response: HTTPClientResponse) {
        self.init(status: response.status, fields: response.headers, body: response.body)
    }
}

extension FetchFailure {
    init(_ error: HTTPClientError) {
        switch error.code {
        case .timeout: self = .timedOut
        case .tooLarge: self = .tooLarge
        case .resolve, .connect, .tls: self = .unreachable(error.message)
        case .reset: self = .broken(error.message)
        case .resources, .cancelled, .invalidURL, .invalidRequest, .invalidConfiguration:
            self = .notAsked(error.message)
        default: self = .unreadable(error.message)
        }
    }
}
