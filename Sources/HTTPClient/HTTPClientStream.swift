/// An answer whose body is read as it comes, by one reader.
///
/// At most half a MiB of it is held, about: when the reader is slow, so is the server. It is cancelled when it goes away.
public final class HTTPClientStream: Sendable, AsyncSequence {
    /// The status and the headers.
    public let head: HTTPClientResponse
    private let buffer: StreamBuffer
    private let transfer: HTTPClientTransfer

    init(head: HTTPClientResponse, buffer: StreamBuffer, transfer: HTTPClientTransfer) {
        self.head = head
        self.buffer = buffer
        self.transfer = transfer
    }

    deinit { transfer.cancel() }

    /// The bytes that have come since the last call, when there are any; nil at the body's end.
    ///
    /// They are as they were sent: `Content-Encoding` is not undone.
    ///
    /// - Throws: ``HTTPClientError`` once what came before the fault has been read; `.cancelled` when the task is cancelled.
    public func next() async throws(HTTPClientError) -> [UInt8]? {
        let taken = try await transfer.cancelledWithTask { () throws(HTTPClientError) in try await buffer.take() }
        if taken.madeRoom { transfer.resume() }
        return taken.bytes.isEmpty ? nil : taken.bytes
    }

    /// As ``next()``, blocking the thread: for who has one of their own.
    ///
    /// - Parameter isCancelled: Asked several times a second whether to end it.
    /// - Throws: ``HTTPClientError``, `.cancelled` if it was.
    public func next(unless isCancelled: () -> Bool) throws(HTTPClientError) -> [UInt8]? {
        let taken = try buffer.take(unless: isCancelled)
        if taken.madeRoom { transfer.resume() }
        return taken.bytes.isEmpty ? nil : taken.bytes
    }

    /// Ends it: what has not been read is gone. Does nothing at the end.
    public func cancel() { transfer.cancel() }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let stream: HTTPClientStream
        public mutating func next() async throws(HTTPClientError) -> [UInt8]? { try await stream.next() }
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPClientError) -> [UInt8]? {
            try await stream.next()
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: self) }
}
