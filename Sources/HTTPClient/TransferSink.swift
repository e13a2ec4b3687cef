/// Who gets what comes of an exchange.
enum TransferSink: Sendable {
    case whole(@Sendable (Result<HTTPClientResponse, HTTPClientError>) -> Void)
    case stream(StreamBuffer)

    /// Tells how it ended, once.
    func finish(_ result: Result<HTTPClientResponse, HTTPClientError>) {
        switch self {
        case .whole(let completion): completion(result)
        case .stream(let buffer): buffer.finish(result)
        }
    }

    var isStream: Bool {
        if case .stream = self { true } else { false }
    }
}
