internal import CMicroHTTPD
internal import Threading

/// The requests of a daemon whose responses are still to be made. Their connections are suspended: the library looks at them again
/// when they are resumed.
///
/// Invariants: a request is in here from when its connection is suspended to when it is resumed, once; the library closes none that is
/// suspended. It asserts at its end that none is: so ``stop()`` comes before that, and none waits any more after it. The lock is
/// taken before the library's, never within.
final class WaitingRequests: Sendable {
    private let state = Locked(State())

    private struct State: @unchecked Sendable {
        // Sendable: a connection is used under the lock alone, to resume it, which any thread may do.
        var connections: [ObjectIdentifier: OpaquePointer] = [:]
        var isStopped = false
    }

    /// Suspends a request's connection until its response is made.
    ///
    /// - Returns: False if no request may wait any more.
    func wait(_ request: WaitingRequest, for response: ResponseFuture, on connection: OpaquePointer) -> Bool {
        let isWaiting = state.withLock { state in
            guard !state.isStopped else { return false }
            MHD_suspend_connection(connection)
            state.connections[ObjectIdentifier(request)] = connection
            return true
        }
        guard isWaiting else { return false }
        response.await { [self] response in
            request.receive(response)
            state.withLock { state in
                if let connection = state.connections.removeValue(forKey: ObjectIdentifier(request)) {
                    MHD_resume_connection(connection)
                }
            }
        }
        return true
    }

    /// Resumes all, whose connections end without a response, and lets none wait any more.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            for connection in state.connections.values { MHD_resume_connection(connection) }
            state.connections.removeAll()
        }
    }
}

/// A request whose response is still to be made.
final class WaitingRequest: Sendable {
    /// nil until it is made, and when it has been taken to be sent.
    private let response = Locked(Slot())

    private struct Slot: ~Copyable, @unchecked Sendable {
        // Sendable: as in ``ResponseFuture``.
        var response: Response?
    }

    func receive(_ response: consuming Response?) {
        var response = consume response
        self.response.withLock { $0.response = response.take() }
    }

    func take() -> Response? { response.withLock { $0.response.take() } }
}
