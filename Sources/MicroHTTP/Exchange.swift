internal import CMicroHTTPD
internal import Glibc

// The calls that libmicrohttpd makes for a request: one when its line has arrived, one of the access handler when its head
// has, one for each piece of its body, and one at the end, when it is answered. (An answer in the first call of the handler
// would close the connection.)
//
// Between the calls the library keeps one pointer for us: nil or a `RequestLine.Note` at first, then a `NoBody` or a retained
// `Upload`, until the completion callback. The context of all calls is the `Worker` of the thread they come on.
//
// A request begins with the handler's first call: from then on the completion callback is sure to come. Of what the library
// refuses by itself before, it does not always tell the end.

/// Stands for a request without a body between the calls, with the marks of its head: an address at which nothing can be.
private struct NoBody {
    let marks: HeadMarks

    private static let bits: UInt = 0x1000

    init(marks: HeadMarks) { self.marks = marks }

    /// What a pointer stands for; nil for any other pointer.
    @inline(__always)
    init?(_ pointer: UnsafeMutableRawPointer) {
        let bits = UInt(bitPattern: pointer)
        guard bits & ~0xFF == Self.bits else { return nil }
        marks = HeadMarks(rawValue: UInt8(truncatingIfNeeded: bits))
    }

    var pointer: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: Self.bits | UInt(marks.rawValue)) }
}

let handleTarget:
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) ->
        UnsafeMutableRawPointer? = { _, target, _ in
            guard let target else { return nil }
            return RequestLine.hideQuery(of: target)?.pointer
        }

let handleAccess: MHD_AccessHandlerCallback = {
    context, connection, url, method, version, uploadData, uploadSize, slot in
    guard let context, let connection, let url, let method, let version, let uploadSize, let slot else { return .NO }
    // A guaranteed reference: nothing is retained for a request.
    return Unmanaged<Worker>.fromOpaque(context)._withUnsafeGuaranteedRef { worker in
        let exchange = Exchange(worker: worker, connection: connection, url: url, method: method, version: version)
        guard let held = slot.pointee else { return exchange.begin(slot, note: nil) }
        if let noBody = NoBody(held) {
            return exchange.respond(
                body: UnsafeRawBufferPointer(start: nil, count: 0), framing: .none, marks: noBody.marks)
        }
        if let note = RequestLine.Note(held) { return exchange.begin(slot, note: note) }
        return Unmanaged<Upload>.fromOpaque(held)._withUnsafeGuaranteedRef { upload in
            guard uploadSize.pointee > 0 else { return exchange.finish(upload) }
            let piece = UnsafeRawBufferPointer(start: uploadData, count: uploadSize.pointee)
            uploadSize.pointee = 0
            return exchange.receive(piece, upload)
        }
    }
}

let handleCompletion: MHD_RequestCompletedCallback = { context, connection, slot, _ in
    guard let context, let slot, let held = slot.pointee else { return }
    slot.pointee = nil
    Unmanaged<Worker>.fromOpaque(context)._withUnsafeGuaranteedRef { worker in
        if NoBody(held) != nil { return worker.traffic.complete() }
        // It has not begun.
        guard RequestLine.Note(held) == nil else { return }
        let upload = Unmanaged<Upload>.fromOpaque(held).takeRetainedValue()
        worker.bodyBytes -= upload.buffer.capacity
        switch upload.destination {
        // What is thrown away was answered in full before.
        case .nowhere: return
        case .receiver: if let connection { worker.watch?.setStream(false, mhd_socket(connection)) }
        case .buffer: break
        }
        worker.traffic.complete()
    }
}

let handleConnection: MHD_NotifyConnectionCallback = { context, connection, _, event in
    guard let context, let connection else { return }
    Unmanaged<Worker>.fromOpaque(context)._withUnsafeGuaranteedRef { worker in
        let socket = mhd_socket(connection)
        switch event {
        case .CONNECTION_NOTIFY_STARTED: worker.watch?.opened(socket)
        case .CONNECTION_NOTIFY_CLOSED: worker.watch?.closed(socket)
        @unknown default: break
        }
    }
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
    let marks: HeadMarks

    /// - Parameter length: How many bytes are announced; nil if that is not known.
    init(_ destination: Destination, marks: HeadMarks = [], length: Int? = nil) {
        self.destination = destination
        self.marks = marks
        if case .buffer = destination {
            buffer = BodyBuffer(expected: length)
        } else {
            buffer = BodyBuffer(expected: nil)
        }
    }
}

/// One call of the access handler.
private struct Exchange {
    let worker: Worker
    let connection: OpaquePointer
    let url: UnsafePointer<CChar>
    let method: UnsafePointer<CChar>
    let version: UnsafePointer<CChar>

    /// How much of a refused body is thrown away, for the client to see the answer before the connection is reset.
    private static let discardBudget = 4 << 20
    /// How many seconds a client may be silent then.
    private static let discardTimeout: CUnsignedInt = 5

    /// The head has arrived.
    func begin(_ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>, note: RequestLine.Note?) -> MHD_Result {
        slot.pointee = NoBody(marks: []).pointer
        worker.traffic.begin()
        let headBytes = mhd_header_size(connection)
        worker.traffic.receive(headBytes)
        let framing: BodyFraming
        let marks: HeadMarks
        do throws(HeadError) {
            if let note {
                guard note != .brokenTarget else {
                    throw HeadError(.malformed, RequestLine.hasNUL)
                }
                RequestLine.showQuery(of: url, note)
            }
            try RequestLine.check(method: method, target: url, version: version, hasQuery: note != nil)
            (framing, marks) = try Framing.read(connection, method: method, version: version, headBytes: headBytes)
        } catch {
            return refuse(slot, worker.dispatcher.refuseHead(error))
        }
        guard framing != .none else {
            slot.pointee = NoBody(marks: marks).pointer
            return .YES
        }
        let head = head(framing, marks)
        switch worker.dispatcher.admit(head) {
        case .refuse(let response):
            return refuse(slot, response)
        case .stream(let receiver):
            worker.watch?.setStream(true, mhd_socket(connection))
            hold(Upload(.receiver(receiver), marks: marks), in: slot)
        case .collect(let limit):
            var announced: Int?
            if case .length(let length) = framing {
                guard length <= limit else { return refuse(slot, worker.dispatcher.refuse(head, limit)) }
                announced = length
            }
            guard worker.hasRoom(min(announced ?? 0, BodyBuffer.largestGuess)) else {
                return refuse(slot, worker.dispatcher.refuseOverload(head))
            }
            let upload = Upload(.buffer(limit: limit), marks: marks, length: announced)
            worker.bodyBytes += upload.buffer.capacity
            hold(upload, in: slot)
        }
        return .YES
    }

    private func hold(_ upload: Upload, in slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>) {
        slot.pointee = Unmanaged.passRetained(upload).toOpaque()
    }

    /// A piece of the body has arrived.
    func receive(_ piece: BorrowedBytes, _ upload: Upload) -> MHD_Result {
        worker.traffic.receive(piece.count)
        switch upload.destination {
        case .receiver(let receiver):
            receiver.receive(piece)
        case .buffer(let limit):
            if upload.buffer.count + piece.count > limit {
                return refuse(upload, worker.dispatcher.refuse(head(.chunked, upload.marks), limit))
            }
            let capacity = upload.buffer.capacity
            guard worker.hasRoom(piece.count, own: capacity) else {
                return refuse(upload, worker.dispatcher.refuseOverload(head(.chunked, upload.marks)))
            }
            if !upload.buffer.append(piece) { return .NO }
            worker.bodyBytes += upload.buffer.capacity - capacity
        case .nowhere(let budget):
            guard piece.count <= budget else { return .NO }
            upload.destination = .nowhere(budget: budget - piece.count)
        }
        return .YES
    }

    /// The body is complete.
    func finish(_ upload: Upload) -> MHD_Result {
        // It was answered before; all that is left is to close.
        if case .nowhere = upload.destination { return .NO }
        do throws(HeadError) {
            try HeadBounds.checkTrailers(connection, method: method)
        } catch {
            _ = refuse(upload, worker.dispatcher.refuseHead(error))
            return .NO
        }
        if case .receiver(let receiver) = upload.destination { return send(receiver.respond()) }
        return respond(
            body: upload.buffer.bytes, framing: .length(upload.buffer.count), marks: upload.marks)
    }

    @inline(__always)
    func respond(body: BorrowedBytes, framing: BodyFraming, marks: HeadMarks) -> MHD_Result {
        send(worker.dispatcher.respond(Request(head: head(framing, marks), body: body)))
    }

    private func head(_ framing: BodyFraming, _ marks: HeadMarks) -> RequestHead {
        let (path, query) = RequestLine.split(url, version: version)
        return RequestHead(
            method: Method(UnsafeRawBufferPointer(start: method, count: strlen(method))), path: path, query: query,
            framing: framing, marks: marks, fields: ConnectionFields(connection: connection))
    }

    @inline(__always)
    private func send(_ response: consuming Response) -> MHD_Result {
        if !isHead, response.status != 304, let count = response.byteCount { worker.traffic.send(count) }
        let status = CUnsignedInt(response.status)
        guard let message = makeMessage(response, toHead: isHead, worker: worker) else { return .NO }
        defer { MHD_destroy_response(message) }
        return MHD_queue_response(connection, status, message)
    }

    private var isHead: Bool { strcmp(method, "HEAD") == 0 }

    // MARK: Refusing

    /// Answers at the beginning, and throws away what comes behind.
    private func refuse(
        _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ response: consuming Response
    ) -> MHD_Result {
        let upload = Upload(.nowhere(budget: 0))
        let result = refuse(upload, response)
        if result == .YES { hold(upload, in: slot) }
        return result
    }

    /// Answers before the request is complete, and throws away the rest.
    ///
    /// The library takes no answer while a body arrives, closes the connection behind one that comes before, which resets it under
    /// a client that still sends, and may have no memory for one to a large head: so it is written to the socket here.
    private func refuse(_ upload: Upload, _ response: consuming Response) -> MHD_Result {
        guard sendNow(response) else { return .NO }
        worker.bodyBytes -= upload.buffer.capacity
        upload.buffer = BodyBuffer(expected: nil)
        upload.destination = .nowhere(budget: Self.discardBudget)
        worker.traffic.complete()
        mhd_set_timeout(connection, Self.discardTimeout)
        return .YES
    }

    /// Writes a small response to the socket, past the library, and nothing more behind it.
    private func sendNow(_ response: consuming Response) -> Bool {
        let socket = mhd_socket(connection)
        let bodyCount = isHead ? 0 : response.byteCount
        guard socket >= 0, let bodyCount,
            let bytes = serialize(response, toHead: isHead, date: worker.currentDate)
        else { return false }
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
