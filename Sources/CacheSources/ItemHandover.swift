internal import CacheCore
internal import Dispatch
internal import Threading

/// Items on their way from the thread that reads a source to a task: one lot of them at a time, so that the one waits for the other.
final class ItemHandover: Sendable {
    private struct State {
        var lot: [CacheItem]?
        var isFinished = false
        var error: CacheError?
        var isClosed = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Locked(State())
    /// Signalled when the lot is taken, or no more will be.
    private let room = DispatchSemaphore(value: 0)

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Hands over a lot, and waits until it is taken. For the reading thread.
    ///
    /// - Throws: `CancellationError` if nobody takes it any more.
    func give(_ items: [CacheItem]) throws(CancellationError) {
        let waiting = state.withLock { state in
            state.lot = items
            return state.waiting.take()
        }
        waiting?.resume()
        room.wait()
        if isClosed { throw CancellationError() }
    }

    /// There is no more. For the reading thread.
    func finish(_ error: CacheError?) {
        let waiting = state.withLock { state in
            state.isFinished = true
            state.error = error
            return state.waiting.take()
        }
        waiting?.resume()
    }

    /// The next lot; nil if there is no more. For one task.
    func take() async throws(CacheError) -> [CacheItem]? {
        while true {
            let (lot, isFinished, error) = state.withLock { ($0.lot.take(), $0.isFinished, $0.error) }
            if let lot {
                room.signal()
                return lot
            }
            if isFinished {
                if let error { throw error }
                return nil
            }
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isThere = state.withLock { state in
                    guard state.lot == nil, !state.isFinished else { return true }
                    state.waiting = continuation
                    return false
                }
                if isThere { continuation.resume() }
            }
        }
    }

    /// Nobody takes any more.
    func close() {
        state.withLock { $0.isClosed = true }
        room.signal()
    }
}
