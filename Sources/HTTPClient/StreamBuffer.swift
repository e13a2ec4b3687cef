internal import Dispatch
internal import Threading

/// The bytes of a stream that have come and have not been read, between the client's thread and the reader.
///
/// When it is full it refuses, and the connection is not read from until there is room again: the server's sending stops at TCP.
final class StreamBuffer: Sendable {
    private let state = Locked(State())

    private struct State {
        var head: HTTPClientResponse?
        var hasReadHead = false
        var bytes: [UInt8] = []
        /// A piece was refused since room was last made.
        var isRefusing = false
        /// nil while more may come.
        var end: Result<Void, HTTPClientError>?
        /// Who waits for any of this to change.
        var waiting: (@Sendable () -> Void)?
    }

    /// What is held before the connection pauses; a piece may go beyond it.
    static let capacity = 512 << 10

    // MARK: The client's thread

    func begin(_ head: HTTPClientResponse) { change { $0.head = head } }

    /// - Returns: Whether there was room for it.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        change { state in
            state.isRefusing = state.bytes.count >= Self.capacity
            if !state.isRefusing { state.bytes += bytes }
            return !state.isRefusing
        }
    }

    func finish(_ end: Result<HTTPClientResponse, HTTPClientError>) {
        change { state in
            // What has come may be read before it is told.
            if case .success(let head) = end, state.head == nil { state.head = head }
            if state.end == nil { state.end = end.map { _ in } }
        }
    }

    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        let (result, waiting) = state.withLock { state in
            let result = body(&state)
            defer { state.waiting = nil }
            return (result, state.waiting)
        }
        waiting?()
        return result
    }

    // MARK: The reader

    /// The response without its body, when it has come.
    func head() async throws(HTTPClientError) -> HTTPClientResponse {
        while true {
            if let head = try headAtHand() { return head }
            await waitForNews()
        }
    }

    /// As ``head()``, blocking the thread.
    func head(unless isCancelled: () -> Bool) throws(HTTPClientError) -> HTTPClientResponse {
        while true {
            if let head = try headAtHand() { return head }
            try waitForNews(unless: isCancelled)
        }
    }

    private func headAtHand() throws(HTTPClientError) -> HTTPClientResponse? {
        try state.withLock { state throws(HTTPClientError) in
            if case .failure(let error) = state.end, state.head == nil { throw error }
            state.hasReadHead = state.head != nil
            return state.head
        }
    }

    /// What has come since the last call, when anything has.
    ///
    /// - Returns: The bytes, none at the end; and whether there is room again where there was none.
    func take() async throws(HTTPClientError) -> (bytes: [UInt8], madeRoom: Bool) {
        while true {
            if let taken = try takeAtHand() { return taken }
            await waitForNews()
        }
    }

    /// As ``take()``, blocking the thread.
    func take(unless isCancelled: () -> Bool) throws(HTTPClientError) -> (bytes: [UInt8], madeRoom: Bool) {
        while true {
            if let taken = try takeAtHand() { return taken }
            try waitForNews(unless: isCancelled)
        }
    }

    private func takeAtHand() throws(HTTPClientError) -> (bytes: [UInt8], madeRoom: Bool)? {
        try state.withLock { state throws(HTTPClientError) in
            if !state.bytes.isEmpty {
                defer {
                    state.bytes = []
                    state.isRefusing = false
                }
                return (state.bytes, state.isRefusing)
            }
            guard let end = state.end else { return nil }
            try end.get()
            return ([], false)
        }
    }

    /// Waits until something that has not been taken changes.
    private func waitForNews() async {
        await withCheckedContinuation { continuation in wake { continuation.resume() } }
    }

    /// - Throws: `.cancelled` once `isCancelled`, which is asked several times a second.
    private func waitForNews(unless isCancelled: () -> Bool) throws(HTTPClientError) {
        let news = DispatchSemaphore(value: 0)
        wake { news.signal() }
        while news.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
            guard !isCancelled() else {
                state.withLock { $0.waiting = nil }
                throw HTTPClientError(.cancelled, "it was cancelled")
            }
        }
    }

    /// Calls `reader` at the next change, or at once if there is something that has not been taken.
    private func wake(_ reader: @escaping @Sendable () -> Void) {
        let hasNews = state.withLock { state in
            guard state.end == nil, state.bytes.isEmpty, !(state.head != nil && !state.hasReadHead) else { return true }
            precondition(state.waiting == nil, "a stream has one reader at a time")
            state.waiting = reader
            return false
        }
        if hasNews { reader() }
    }
}
