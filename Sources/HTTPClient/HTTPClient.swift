internal import Threading

/// An HTTP client: libcurl's multi interface behind values.
///
/// It is libcurl because Debian maintains it, security fixes included, and because one thread of it serves thousands of exchanges at a
/// time, over connections that it reuses, in HTTP/1.1 and HTTP/2, with TLS by GnuTLS: the library that libmicrohttpd uses, so that
/// the process has one.
///
/// What it never does: ask by another protocol than `http` and `https`, follow a redirect from `https` to `http`, hand a header that the
/// caller set to another host than the caller's, keep cookies, read a proxy's address or a password from the environment or a file,
/// or take a certificate that nobody vouches for.
///
/// - Note: Each new connection with TLS reads the file of authorities anew, some 20 ms for the system's: a ``HTTPClientRequest/caFile``
///   with the one that is needed is faster.
public final class HTTPClient: Sendable {
    private let thread: EventThread

    /// Starts the thread.
    ///
    /// - Throws: ``HTTPClientError`` when the configuration is out of range, or there is no thread or memory.
    public init(_ configuration: HTTPClientConfiguration = HTTPClientConfiguration()) throws(HTTPClientError) {
        try configuration.validate()
        thread = try EventThread(configuration)
    }

    deinit { thread.stop() }

    /// Asks for something, and has it whole.
    ///
    /// - Parameters:
    ///   - request: What to ask for. Any status is an answer.
    ///   - completion: Called once, on the client's thread, which it must not block; or on the caller's, when the client is stopped.
    /// - Returns: What the exchange can be cancelled by.
    @discardableResult
    public func send(
        _ request: HTTPClientRequest,
        completion: @escaping @Sendable (Result<HTTPClientResponse, HTTPClientError>) -> Void
    ) -> HTTPClientTransfer {
        thread.start(request, .whole(completion))
    }

    /// As ``send(_:completion:)``; it is cancelled with the task.
    ///
    /// - Throws: ``HTTPClientError``
    public func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        let answer = Answer()
        let transfer = send(request) { answer.give($0) }
        return try await transfer.cancelledWithTask { () async throws(HTTPClientError) in try await answer.value.get() }
    }

    /// Asks for something of any size, and has it piece by piece.
    ///
    /// - Returns: The answer when its head has come.
    /// - Throws: ``HTTPClientError``
    public func stream(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientStream {
        let buffer = StreamBuffer()
        let transfer = thread.start(request, .stream(buffer))
        let head = try await transfer.cancelledWithTask { () async throws(HTTPClientError) in try await buffer.head() }
        return HTTPClientStream(head: head, buffer: buffer, transfer: transfer)
    }

    /// As ``stream(_:)``, blocking the thread: for who has one of their own. It must not be the client's.
    ///
    /// - Parameter isCancelled: Asked several times a second whether to give up.
    /// - Throws: ``HTTPClientError``, `.cancelled` if it was.
    public func stream(
        _ request: HTTPClientRequest, unless isCancelled: () -> Bool
    ) throws(HTTPClientError) -> HTTPClientStream {
        let buffer = StreamBuffer()
        let transfer = thread.start(request, .stream(buffer))
        do throws(HTTPClientError) {
            return HTTPClientStream(head: try buffer.head(unless: isCancelled), buffer: buffer, transfer: transfer)
        } catch {
            transfer.cancel()
            throw error
        }
    }

    /// Ends the thread; exchanges that are under way, and later ones, end with ``HTTPClientError/Code/cancelled``.
    ///
    /// It returns when all completions have been called, unless it is called from one of them.
    public func stop() { thread.stop() }
}

/// An answer that a task waits for.
private final class Answer: Sendable {
    private let state = Locked(State())

    private struct State {
        var result: Result<HTTPClientResponse, HTTPClientError>?
        var waiting: CheckedContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>?
    }

    func give(_ result: Result<HTTPClientResponse, HTTPClientError>) {
        let waiting = state.withLock { state in
            state.result = result
            return state.waiting
        }
        waiting?.resume(returning: result)
    }

    var value: Result<HTTPClientResponse, HTTPClientError> {
        get async {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state in
                    if state.result == nil { state.waiting = continuation }
                    return state.result
                }
                if let result { continuation.resume(returning: result) }
            }
        }
    }
}
