internal import CCurl

/// The exchanges that are under way: which wait for their turn, which are at work, and when they are too late.
///
/// Those beyond what may be at work wait here, not in libcurl, which would not let their time run out. Hosts take turns, so that one that
/// is slow holds up itself alone.
///
/// Unsafe: the multi handle, which outlives the set, and the handles in it. Invariants: the client's thread alone uses them. A handle is
/// in the multi handle exactly while its transfer is at work, and the transfer in ``transfers``.
///
/// - Complexity: A turn of ``perform()`` takes time that grows with the exchanges at work: some 1 µs for each.
final class TransferSet {
    private let multi: UnsafeMutableRawPointer
    private let configuration: HTTPClientConfiguration
    private var transfers: [UInt64: Transfer] = [:]
    private var hosts: [String: Host] = [:]
    /// Hosts that may have a transfer that waits and could begin, in their turn.
    private var turns = Queue<String>()
    private var atWork = 0
    /// Handles that are as new.
    private var idleHandles: [UnsafeMutableRawPointer] = []
    /// When to look for transfers that are late; they are not all looked at each time that one ends.
    private var nextSweep: ContinuousClock.Instant?

    private struct Host {
        var atWork = 0
        /// Some of them may have ended since.
        var waiting = Queue<UInt64>()
    }

    private static let mostIdleHandles = 256
    private static let leastSweepInterval = Duration.milliseconds(10)
    private static let cancelled = HTTPClientError(.cancelled, "it was cancelled")

    init(_ multi: UnsafeMutableRawPointer, _ configuration: HTTPClientConfiguration) {
        self.multi = multi
        self.configuration = configuration
    }

    deinit { for handle in idleHandles { curl_easy_cleanup(handle) } }

    // MARK: Orders

    func start(_ id: UInt64, _ request: HTTPClientRequest, _ sink: TransferSink) {
        do throws(HTTPClientError) {
            let transfer = try Transfer(id, request, sink, at: .now)
            transfers[id] = transfer
            noteDeadline(transfer.deadline)
            enqueue(transfer)
        } catch {
            sink.finish(.failure(error))
        }
    }

    func cancel(_ id: UInt64) {
        if let transfer = transfers[id] { end(transfer, .failure(Self.cancelled)) }
    }

    func resume(_ id: UInt64) {
        guard let transfer = transfers[id] else { return }
        transfer.resume(at: .now)
        noteDeadline(transfer.deadline)
    }

    func finishAll(_ error: HTTPClientError) {
        for transfer in transfers.values { takeFromWork(transfer) }
        let ended = transfers.values
        transfers = [:]
        for transfer in ended { transfer.sink.finish(.failure(error)) }
    }

    // MARK: Work

    /// Moves all that can be moved without waiting.
    func perform() {
        var running: CInt = 0
        curl_multi_perform(multi, &running)
        var left: CInt = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle,
                let context = curl_private(handle)
            else { continue }
            // The message is gone once the handle is.
            let result = curl_result(message)
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            switch transfer.end(result) {
            case .over(let result): end(transfer, result)
            case .redirected:
                takeFromWork(transfer)
                enqueue(transfer)
            }
        }
        sweep()
    }

    /// In milliseconds; nil if nothing can be late.
    var untilNextDeadline: Int? {
        // One more, as they are rounded down.
        nextSweep.map { ($0 - .now).milliseconds + 1 }
    }

    private func noteDeadline(_ deadline: ContinuousClock.Instant?) {
        guard let deadline else { return }
        nextSweep = nextSweep.map { min($0, deadline) } ?? deadline
    }

    private func sweep() {
        let now = ContinuousClock.now
        guard let due = nextSweep, due <= now else { return }
        nextSweep = nil
        var late: [Transfer] = []
        for transfer in transfers.values {
            if let deadline = transfer.deadline, deadline <= now {
                late.append(transfer)
            } else {
                noteDeadline(transfer.deadline)
            }
        }
        nextSweep = nextSweep.map { max($0, now + Self.leastSweepInterval) }
        for transfer in late { end(transfer, .failure(transfer.timeoutError)) }
    }

    private func end(_ transfer: Transfer, _ result: Result<HTTPClientResponse, HTTPClientError>) {
        transfers[transfer.id] = nil
        takeFromWork(transfer)
        transfer.sink.finish(result)
        startWaiting()
    }

    // MARK: Turns

    private func enqueue(_ transfer: Transfer) {
        let origin = transfer.target.origin
        hosts[origin, default: Host()].waiting.append(transfer.id)
        turns.append(origin)
        startWaiting()
    }

    /// Lets as many begin as may.
    private func startWaiting() {
        while atWork < configuration.maxConnections, let origin = turns.popFirst() {
            guard var host = hosts[origin], host.atWork < configuration.maxConnectionsPerHost else { continue }
            // A turn is appended for each that comes to wait and for each end of one at work: there are never too few.
            var transfer: Transfer?
            while transfer == nil, let id = host.waiting.popFirst() { transfer = transfers[id] }
            hosts[origin] = host
            if let transfer { putToWork(transfer) } else { forgetIfIdle(origin) }
        }
    }

    private func putToWork(_ transfer: Transfer) {
        hosts[transfer.target.origin]?.atWork += 1
        atWork += 1
        transfer.originAtWork = transfer.target.origin
        guard let handle = idleHandles.popLast() ?? curl_easy_init() else {
            return end(transfer, .failure(HTTPClientError(.resources, "there is no memory for a request")))
        }
        do throws(HTTPClientError) {
            try transfer.attach(to: handle, configuration)
            guard curl_multi_add_handle(multi, handle) == CURLM_OK else {
                throw HTTPClientError(.resources, "libcurl takes no more requests")
            }
        } catch {
            end(transfer, .failure(error))
        }
    }

    private func takeFromWork(_ transfer: Transfer) {
        // Does nothing to one that could not be added.
        if let handle = transfer.handle { curl_multi_remove_handle(multi, handle) }
        if let handle = transfer.detach() {
            if idleHandles.count < Self.mostIdleHandles {
                idleHandles.append(handle)
            } else {
                curl_easy_cleanup(handle)
            }
        }
        guard let origin = transfer.originAtWork else { return }
        transfer.originAtWork = nil
        atWork -= 1
        hosts[origin]?.atWork -= 1
        turns.append(origin)
        forgetIfIdle(origin)
    }

    private func forgetIfIdle(_ origin: String) {
        if let host = hosts[origin], host.atWork == 0, host.waiting.isEmpty { hosts[origin] = nil }
    }
}
