internal import CMicroHTTPD
internal import Glibc

// The calls that libmicrohttpd makes for a request: one of the access handler when its head has arrived, one for each
// piece of its body, and one at the end, when it is answered. (An answer in the first call closes the connection: that is
// for refusals only.)
//
// Between the calls the library keeps one pointer for us: nil or `brokenTarget` at first, then `noBody` or a retained
// `Upload`, until the completion callback. The context of all calls is the `Worker` of the thread they come on.

/// Stands for a request without a body between the calls: an address at which nothing can be.
private var noBody: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: 1).unsafelyUnwrapped }

/// Stands for a request whose target is not what its C string says, until its head has arrived.
private var brokenTarget: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: 2).unsafelyUnwrapped }

let handleTarget:
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) ->
        UnsafeMutableRawPointer? = { context, target, _ in
            guard let context, let target else { return nil }
            Unmanaged<Worker>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.traffic.begin() }
            return RequestLine.isWhole(target: target) ? nil : brokenTarget
        }

let handleAccess: MHD_AccessHandlerCallback = {
    context, connection, url, method, version, uploadData, uploadSize, slot in
    guard let context, let connection, let url, let method, let version, let uploadSize, let slot else { return .NO }
    // A guaranteed reference: nothing is retained for a request.
    return Unmanaged<Worker>.fromOpaque(context)._withUnsafeGuaranteedRef { worker in
        let exchange = Exchange(worker: worker, connection: connection, url: url, method: method)
        guard let held = slot.pointee else { return exchange.begin(slot, version: version, isWhole: true) }
        guard held != brokenTarget else { return exchange.begin(slot, version: version, isWhole: false) }
        guard held != noBody else { return exchange.respond(body: UnsafeRawBufferPointer(start: nil, count: 0)) }
        return Unmanaged<Upload>.fromOpaque(held)._withUnsafeGuaranteedRef { upload in
            guard uploadSize.pointee > 0 else { return exchange.finish(upload) }
            let piece = UnsafeRawBufferPointer(start: uploadData, count: uploadSize.pointee)
            uploadSize.pointee = 0
            return exchange.receive(piece, upload)
        }
    }
}

let handleCompletion: MHD_RequestCompletedCallback = { context, _, slot, _ in
    guard let context, let slot else { return }
    Unmanaged<Worker>.fromOpaque(context)._withUnsafeGuaranteedRef { $0.traffic.complete() }
    if let held = slot.pointee, held != noBody, held != brokenTarget { Unmanaged<Upload>.fromOpaque(held).release() }
    slot.pointee = nil
}

/// A request's body between the calls.
///
/// Its properties go without the run-time check for overlapping accesses: the calls come one after another, and none of them
/// hands the upload on.
private final class Upload {
    enum Destination {
        case buffer(limit: Int)
        case receiver(any BodyReceiver)
        /// It was refused, and answered; so many bytes more are thrown away before the connection is cut.
        case nowhere(budget: Int)
    }

    @exclusivity(unchecked) var destination: Destination
    @exclusivity(unchecked) var buffer: BodyBuffer

    init(_ destination: Destination, expected: Int?) {
        self.destination = destination
        buffer = BodyBuffer(expected: expected)
    }
}

/// One call of the access handler.
private struct Exchange {
    let worker: Worker
    let connection: OpaquePointer
    let url: UnsafePointer<CChar>
    let method: UnsafePointer<CChar>

    /// How much of a refused body is thrown away, for the client to see the answer before the connection is reset.
    private static let discardBudget = 4 << 20

    /// The head has arrived.
    func begin(
        _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>, version: UnsafePointer<CChar>, isWhole: Bool
    ) -> MHD_Result {
        slot.pointee = noBody
        let headBytes = mhd_header_size(connection)
        worker.traffic.receive(headBytes)
        let framing: BodyFraming
        do throws(FramingError) {
            guard isWhole else {
                throw FramingError(detail: "the target has a NUL byte; it must be percent-encoded, as %00")
            }
            try RequestLine.check(method: method, target: url)
            framing = try Framing.read(connection, version: version, end: method + headBytes)
        } catch {
            return send(worker.dispatcher.refuseMalformed(error.detail))
        }
        guard framing != .none else { return .YES }
        let head = head(framing)
        switch worker.dispatcher.admit(head) {
        case .refuse(let response):
            return send(response)
        case .stream(let receiver):
            slot.pointee = Unmanaged.passRetained(Upload(.receiver(receiver), expected: nil)).toOpaque()
        case .collect(let limit):
            var expected: Int?
            if case .length(let length) = framing {
                guard length <= limit else { return send(worker.dispatcher.refuse(head, limit)) }
                expected = length
            }
            slot.pointee = Unmanaged.passRetained(Upload(.buffer(limit: limit), expected: expected)).toOpaque()
        }
        return .YES
    }

    /// A piece of the body has arrived.
    func receive(_ piece: BorrowedBytes, _ upload: Upload) -> MHD_Result {
        worker.traffic.receive(piece.count)
        switch upload.destination {
        case .receiver(let receiver):
            receiver.receive(piece)
        case .buffer(let limit):
            if upload.buffer.count + piece.count > limit {
                // The library takes no answer while a body arrives: it is written to the socket here, and the rest discarded.
                let response = worker.dispatcher.refuse(head(.chunked), limit)
                guard sendNow(response) else { return .NO }
                upload.buffer = BodyBuffer(expected: nil)
                upload.destination = .nowhere(budget: Self.discardBudget)
            } else if !upload.buffer.append(piece) {
                return .NO
            }
        case .nowhere(let budget):
            guard piece.count <= budget else { return .NO }
            upload.destination = .nowhere(budget: budget - piece.count)
        }
        return .YES
    }

    /// The body is complete.
    func finish(_ upload: Upload) -> MHD_Result {
        switch upload.destination {
        case .receiver(let receiver): send(receiver.respond())
        case .buffer: respond(body: upload.buffer.bytes, framing: .length(upload.buffer.count))
        // It was answered before; all that is left is to close.
        case .nowhere: .NO
        }
    }

    @inline(__always)
    func respond(body: BorrowedBytes, framing: BodyFraming = .none) -> MHD_Result {
        send(worker.dispatcher.respond(Request(head: head(framing), body: body)))
    }

    private func head(_ framing: BodyFraming) -> RequestHead {
        RequestHead(
            method: Method(UnsafeRawBufferPointer(start: method, count: strlen(method))),
            path: UnsafeRawBufferPointer(start: url, count: strlen(url)),
            framing: framing, fields: ConnectionFields(connection: connection))
    }

    @inline(__always)
    private func send(_ response: consuming Response) -> MHD_Result {
        let isHead = strcmp(method, "HEAD") == 0
        if !isHead, let count = response.byteCount { worker.traffic.send(count) }
        let status = CUnsignedInt(response.status)
        guard let message = makeMessage(response, toHead: isHead, worker: worker) else { return .NO }
        defer { MHD_destroy_response(message) }
        return MHD_queue_response(connection, status, message)
    }

    /// Writes a small response to the socket, past the library, and nothing more behind it.
    private func sendNow(_ response: consuming Response) -> Bool {
        let socket = mhd_socket(connection)
        let bodyCount = response.byteCount
        guard socket >= 0, let bodyCount, let bytes = serialize(response, date: worker.currentDate) else {
            return false
        }
        let sent = bytes.withUnsafeBytes { bytes in
            Glibc.send(socket, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
        }
        guard sent == bytes.count else { return false }
        worker.traffic.send(bodyCount)
        // A client that waits for the end of the connection sees it, whatever it has sent.
        shutdown(socket, CInt(SHUT_WR))
        return true
    }
}

/// Header fields and parameters, looked up in the connection. What is found lives as long as the request.
private struct ConnectionFields: RequestFields {
    let connection: OpaquePointer

    func header(_ name: StaticString) -> BorrowedBytes? {
        var value: UnsafePointer<CChar>?
        var count = 0
        let isFound = name.utf8Start.withMemoryRebound(to: CChar.self, capacity: name.utf8CodeUnitCount) {
            MHD_lookup_connection_value_n(connection, .HEADER_KIND, $0, name.utf8CodeUnitCount, &value, &count)
        }
        return isFound == .YES ? UnsafeRawBufferPointer(start: value, count: count) : nil
    }

    // The library's own lookup takes small letters and capitals for the same.
    func query(_ name: StaticString) -> BorrowedBytes? {
        var search = (name: name, found: BorrowedBytes?.none)
        _ = withUnsafeMutablePointer(to: &search) { search in
            MHD_get_connection_values_n(connection, .GET_ARGUMENT_KIND, Self.compare, search)
        }
        return search.found
    }

    private static let compare: MHD_KeyValueIteratorN = { context, _, name, nameCount, value, valueCount in
        guard let search = context?.assumingMemoryBound(to: (name: StaticString, found: BorrowedBytes?).self),
            UnsafeRawBufferPointer(start: name, count: nameCount).equals(search.pointee.name)
        else { return .YES }
        search.pointee.found = UnsafeRawBufferPointer(start: value, count: valueCount)
        return .NO
    }
}
