/// An exchange that is under way, by which it can be cancelled.
public struct HTTPClientTransfer: Sendable {
    let id: UInt64
    let thread: EventThread

    /// Ends the exchange with ``HTTPClientError/Code/cancelled``, unless it has ended. May be called from any thread, at any time.
    public func cancel() { thread.post(.cancel(id)) }

    /// Goes on with a stream that had no room.
    func resume() { thread.post(.resume(id)) }

    /// Cancels the exchange when the task is cancelled while it waits.
    func cancelledWithTask<Value: Sendable>(
        _ body: () async throws(HTTPClientError) -> Value
    ) async throws(HTTPClientError) -> Value {
        let result = await withTaskCancellationHandler { () async -> Result<Value, HTTPClientError> in
            do throws(HTTPClientError) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        } onCancel: {
            cancel()
        }
        return try result.get()
    }
}
