internal import Dispatch
internal import Threading

/// What a handler answers a request with: a response, or the promise of one.
public enum Reply: ~Copyable {
    case now(Response)
    /// One that is made later. The connection waits for it without a thread, and the client's next request behind it.
    case later(PendingResponse)

    /// The response; blocks the thread until it is made. For what calls a handler without a server.
    ///
    /// - Precondition: The one who promised it makes it.
    public consuming func response() -> Response {
        let future: ResponseFuture
        switch consume self {
        case .now(let response): return response
        case .later(let pending): future = pending.awaited
        }
        let request = WaitingRequest()
        let isMade = DispatchSemaphore(value: 0)
        future.await { response in
            request.receive(response)
            isMade.signal()
        }
        isMade.wait()
        guard let response = request.take() else { preconditionFailure("a response was promised and not made") }
        return response
    }
}

/// A response that is still to be made, by whatever the request waits for.
///
/// Whoever makes it holds this and calls ``fulfill(_:)``, on any thread. If nobody holds it any more, none will come, and the
/// connection is closed.
public final class PendingResponse: Sendable {
    /// Where the response goes.
    private let future = ResponseFuture()

    public init() {}

    deinit { future.resolve(nil) }

    /// Sends the response, of which the caller keeps no part. Only the first one counts.
    public func fulfill(_ response: consuming Response) { future.resolve(response) }

    /// Calls `receive` with the response when it is made, on the thread that makes it, or at once if it is made already; with nil if
    /// none will come. To be called once, by whom the response is for.
    public func onFulfilled(_ receive: @escaping @Sendable (consuming Response?) -> Void) { future.await(receive) }

    /// The one who waits does not keep a promise alive that nobody will fulfill.
    var awaited: ResponseFuture { future }
}

/// The waiting side of a ``PendingResponse``.
final class ResponseFuture: Sendable {
    private let state = Locked(State.open)

    private enum State: ~Copyable, @unchecked Sendable {
        // Sendable: a response is handed over as a whole, under the lock, and nobody who made it keeps a part.
        case open
        case awaited(@Sendable (consuming Response?) -> Void)
        case resolved(Response?)
        case received
    }

    fileprivate func resolve(_ response: consuming Response?) {
        var response = consume response
        // Called behind the lock: what it calls takes locks of its own.
        let receive: (@Sendable (consuming Response?) -> Void)? = state.withLock { state in
            switch consume state {
            case .open:
                state = .resolved(response.take())
                return nil
            case .awaited(let receive):
                state = .received
                return receive
            case .resolved(let first):
                state = .resolved(first)
                return nil
            case .received:
                state = .received
                return nil
            }
        }
        receive?(response)
    }

    func await(_ receive: @escaping @Sendable (consuming Response?) -> Void) {
        var response: Response?
        let isResolved = state.withLock { state in
            switch consume state {
            case .open:
                state = .awaited(receive)
                return false
            case .awaited:
                preconditionFailure("a response is awaited twice")
            case .resolved(let made):
                state = .received
                response = made
                return true
            case .received:
                preconditionFailure("a response is awaited twice")
            }
        }
        if isResolved { receive(response) }
    }
}
