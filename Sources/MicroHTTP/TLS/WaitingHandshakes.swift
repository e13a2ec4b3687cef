internal import CMicroHTTPD
internal import Glibc
internal import Threading

/// The connections whose handshake waits for the client, and the thread that watches their sockets: it resumes a connection when there is
/// something to read or room to write, and cuts one whose handshake takes too long.
///
/// Invariants: a connection is in here from when it is suspended to when it is resumed, and the library closes none that is
/// suspended, so its socket is open meanwhile. The library asserts at its end that none is suspended: so ``stop()`` comes before
/// that, and none waits any more after it. The lock is taken before the library's, never within.
final class WaitingHandshakes: Sendable {
    private let state = Locked(State())
    /// The thread's two: what it waits with, and what wakes it at the end. Closed when the thread is over.
    private let epoll: CInt
    private let wake: CInt
    /// How long a handshake may take, in all; nil for any time.
    private let patience: Duration?

    private struct State {
        var waiting: [CInt: Waiting] = [:]
        var thread: pthread_t?
        var isStopped = false
    }

    private struct Waiting {
        let connection: OpaquePointer
        let start: ContinuousClock.Instant
    }

    /// - Throws: ``HTTPServerError`` if the system has no more threads or descriptors.
    init(patience: Duration?) throws(HTTPServerError) {
        self.patience = patience
        epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        wake = eventfd(0, CInt(EFD_CLOEXEC))
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: wake))
        var thread = pthread_t()
        guard epoll >= 0, wake >= 0, epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) == 0 else {
            throw HTTPServerError("cannot watch handshakes: \(String(cString: strerror(errno)))")
        }
        // The thread holds it until its end.
        let context = Unmanaged.passRetained(self)
        let status = pthread_create(&thread, nil, watchHandshakes, context.toOpaque())
        guard status == 0 else {
            context.release()
            throw HTTPServerError("cannot start a thread for handshakes: \(String(cString: strerror(status)))")
        }
        state.withLock { $0.thread = thread }
    }

    // Also of one that could not be had.
    deinit {
        close(epoll)
        close(wake)
    }

    /// Suspends a connection until its socket is ready.
    ///
    /// - Parameters:
    ///   - event: What to wait for.
    ///   - start: When its handshake began.
    /// - Returns: Whether it is; false if it may not wait, so that its handshake has to fail.
    func wait(
        _ connection: OpaquePointer, _ socket: CInt, _ event: EPOLL_EVENTS, since start: ContinuousClock.Instant
    ) -> Bool {
        state.withLock { state in
            guard !state.isStopped else { return false }
            var wanted = epoll_event(events: event.rawValue, data: epoll_data_t(fd: socket))
            guard epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &wanted) == 0 else { return false }
            MHD_suspend_connection(connection)
            state.waiting[socket] = Waiting(connection: connection, start: start)
            return true
        }
    }

    /// Resumes all, whose handshakes fail now, and lets none wait any more. Blocks until the thread has ended.
    func stop() {
        let thread = state.withLock { state in
            state.isStopped = true
            for socket in state.waiting.keys { resume(socket, &state) }
            defer { state.thread = nil }
            return state.thread
        }
        guard let thread else { return }
        eventfd_write(wake, 1)
        pthread_join(thread, nil)
    }

    fileprivate func watch() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        let pause = patience.map { CInt(clamping: Int64(($0 / 5 / .milliseconds(1)).rounded(.up))) } ?? -1
        while true {
            let count = epoll_wait(epoll, &events, CInt(events.count), pause)
            let isStopped = state.withLock { state in
                guard !state.isStopped else { return true }
                for event in events.prefix(Int(max(count, 0))) { resume(event.data.fd, &state) }
                if let patience { cut(state.waiting, before: .now - patience) }
                return false
            }
            if isStopped { return }
        }
    }

    private func resume(_ socket: CInt, _ state: inout State) {
        guard let waiting = state.waiting.removeValue(forKey: socket) else { return }
        epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil)
        MHD_resume_connection(waiting.connection)
    }

    /// Shuts the sockets of those that began too long ago: they are ready then, and the library meets their end.
    private func cut(_ waiting: [CInt: Waiting], before time: ContinuousClock.Instant) {
        for (socket, waiting) in waiting where waiting.start < time { shutdown(socket, CInt(SHUT_RDWR)) }
    }
}

private let watchHandshakes: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
    if let context { Unmanaged<WaitingHandshakes>.fromOpaque(context).takeRetainedValue().watch() }
    return nil
}
