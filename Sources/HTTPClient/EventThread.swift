internal import CCurl
internal import Glibc
internal import Synchronization
internal import Threading

/// The client's thread, and what others tell it.
///
/// Unsafe: the multi handle. Invariants: it lives from init to the end of ``run()``; the thread alone uses it, but for
/// `curl_multi_wakeup`, which any thread may call and which is called under the lock while the thread is not over.
final class EventThread: @unchecked Sendable {
    // Sendable: see the invariants; `thread` is written once, in init before another thread has it.
    private let multi: UnsafeMutableRawPointer
    private let configuration: HTTPClientConfiguration
    private let inbox = Locked(Inbox())
    private let lastID = Atomic<UInt64>(0)
    private var thread = pthread_t()

    /// What the thread is to do.
    enum Order: Sendable {
        case start(UInt64, HTTPClientRequest, TransferSink)
        case cancel(UInt64)
        case resume(UInt64)
    }

    private struct Inbox {
        var orders: [Order] = []
        var isStopping = false
        /// The thread takes no more orders.
        var isOver = false
        /// Someone has joined the thread or is about to.
        var isJoined = false
    }

    /// Once a process; safe from several threads at once since 7.84.
    private static let libraryStatus = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    init(_ configuration: HTTPClientConfiguration) throws(HTTPClientError) {
        guard Self.libraryStatus == CURLE_OK, let multi = curl_multi_init() else {
            throw HTTPClientError(.resources, "libcurl cannot be set up")
        }
        self.multi = multi
        self.configuration = configuration
        curl_multi_set_number(multi, CURLMOPT_MAXCONNECTS, configuration.maxConnections)
        let context = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<EventThread>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            curl_multi_cleanup(multi)
            throw HTTPClientError(.resources, "there is no thread for the client: \(String(cString: strerror(status)))")
        }
    }

    // MARK: Any thread

    func start(_ request: HTTPClientRequest, _ sink: TransferSink) -> HTTPClientTransfer {
        let id = lastID.wrappingAdd(1, ordering: .relaxed).newValue
        if !post(.start(id, request, sink)) { sink.finish(.failure(Self.stopped)) }
        return HTTPClientTransfer(id: id, thread: self)
    }

    /// - Returns: Whether the thread will see to it.
    @discardableResult
    func post(_ order: Order) -> Bool {
        inbox.withLock { inbox in
            guard !inbox.isStopping else { return false }
            // Who added the first has woken it, and it takes all of them.
            if inbox.orders.isEmpty { curl_multi_wakeup(multi) }
            inbox.orders.append(order)
            return true
        }
    }

    /// Ends the thread, and waits for its end unless this is the thread, or another call waits.
    func stop() {
        let isFirst = inbox.withLock { inbox in
            if !inbox.isStopping, !inbox.isOver { curl_multi_wakeup(multi) }
            inbox.isStopping = true
            defer { inbox.isJoined = true }
            return !inbox.isJoined
        }
        guard isFirst else { return }
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
    }

    static let stopped = HTTPClientError(.cancelled, "the client was stopped")

    // MARK: The thread

    private func run() {
        // The library sends with MSG_NOSIGNAL where it can; TLS may not.
        BrokenPipes.failWrites()
        let transfers = TransferSet(multi, configuration)
        while true {
            let (orders, isStopping) = inbox.withLock { inbox in
                defer { inbox.orders = [] }
                return (inbox.orders, inbox.isStopping)
            }
            for order in orders {
                switch order {
                case .start(let id, let request, let sink): transfers.start(id, request, sink)
                case .cancel(let id): transfers.cancel(id)
                case .resume(let id): transfers.resume(id)
                }
            }
            guard !isStopping else { break }
            transfers.perform()
            let patience = transfers.untilNextDeadline
            curl_multi_poll(multi, nil, 0, CInt(clamping: patience ?? 60_000), nil)
        }
        transfers.finishAll(Self.stopped)
        inbox.withLock { $0.isOver = true }
        curl_multi_cleanup(multi)
    }
}
