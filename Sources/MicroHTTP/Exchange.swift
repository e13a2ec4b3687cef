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
                body: UnsafeRawBufferPointer(start: nil, count: 0), framing: .none, marks: noBody.marks,
                begun: nil, slot: slot)
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
        worker.bodyBytes -= upload.memory
        switch upload.destination {
        // What is thrown away was answered in full before.
        case .nowhere: return
        case .receiver: if let connection { worker.watch?.setExempt(false, mhd_socket(connection)) }
        case .buffer, .place, .waiting: break
        }
        worker.traffic.complete()
    }
}

/// One call of the access handler.
struct Exchange {
    let worker: Worker
    let connection: OpaquePointer
    let url: UnsafePointer<CChar>
    let method: UnsafePointer<CChar>
    let version: UnsafePointer<CChar>

    /// How much of a refused body is thrown away, for the client to see the answer before the connection is reset.
    private static let discardBudget = 4 << 20

    /// The head has arrived.
    func begin(_ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>, note: RequestLine.Note?) -> MHD_Result {
        if !worker.refusedConnections.isEmpty, worker.refusedConnections.contains(mhd_socket(connection)) { return .NO }
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
            (framing, marks) = try Framing.read(
                connection, method: method, version: version, headBytes: headBytes, bounds: worker.headBounds)
        } catch {
            return refuse(slot, worker.dispatcher.refuseHead(error), marks: .all, begun: logTime)
        }
        guard framing != .none else {
            slot.pointee = NoBody(marks: marks).pointer
            return .YES
        }
        let begun = logTime
        let head = head(framing, marks)
        switch worker.dispatcher.admit(head) {
        case .refuse(let response):
            return refuse(slot, response, marks: marks, begun: begun)
        case .stream(let receiver):
            let held = receiver.heldBytes
            guard worker.hasRoom(held) else {
                return refuse(slot, worker.dispatcher.refuseOverload(head), marks: marks, begun: begun)
            }
            worker.watch?.setExempt(true, mhd_socket(connection))
            worker.bodyBytes += held
            hold(Upload(.receiver(receiver, held: held), marks: marks, begun: begun), in: slot)
        case .place(let place):
            guard case .length(let length) = framing, place.room.count >= length + Request.padding,
                worker.hasRoom(length)
            else { return refuse(slot, worker.dispatcher.refuseOverload(head), marks: marks, begun: begun) }
            hold(Upload(.place(place, received: 0), marks: marks, begun: begun), in: slot)
        case .collect(let limit):
            var announced: Int?
            if case .length(let length) = framing {
                guard length <= limit else {
                    return refuse(slot, worker.dispatcher.refuse(head, limit), marks: marks, begun: begun)
                }
                announced = length
            }
            guard worker.hasRoom(min(announced ?? 0, BodyBuffer.largestGuess)) else {
                return refuse(slot, worker.dispatcher.refuseOverload(head), marks: marks, begun: begun)
            }
            let upload = Upload(.buffer(limit: limit), marks: marks, begun: begun, length: announced)
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
        case .receiver(let receiver, let before):
            receiver.receive(piece)
            let held = receiver.heldBytes
            worker.bodyBytes += held - before
            upload.destination = .receiver(receiver, held: held)
            guard worker.hasRoom(0, own: held) else {
                return refuse(upload, worker.dispatcher.refuseOverload(head(.chunked, upload.marks)))
            }
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
        case .place(let place, let received):
            guard received + piece.count <= place.room.count - Request.padding else { return .NO }
            guard worker.hasRoom(piece.count, own: received) else {
                return refuse(upload, worker.dispatcher.refuseOverload(head(.chunked, upload.marks)))
            }
            (place.room.baseAddress.unsafelyUnwrapped + received).copyMemory(
                from: piece.baseAddress.unsafelyUnwrapped, byteCount: piece.count)
            upload.destination = .place(place, received: received + piece.count)
            worker.bodyBytes += piece.count
        // Nothing comes behind a body that is complete.
        case .waiting: return .NO
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
        if case .waiting(let request) = upload.destination { return finish(request, upload) }
        do throws(HeadError) {
            try worker.headBounds.checkTrailers(connection, method: method)
        } catch {
            _ = refuse(upload, worker.dispatcher.refuseHead(error))
            return .NO
        }
        if case .receiver(let receiver, _) = upload.destination {
            switch receiver.respond() {
            case .now(let response): return send(response, marks: upload.marks, begun: upload.begun)
            case .later(let pending): return wait(for: pending, upload)
            }
        }
        if case .place(let place, let received) = upload.destination {
            let body = UnsafeRawBufferPointer(rebasing: place.room[..<received])
            return respond(
                body: body, framing: .length(received), marks: upload.marks, begun: upload.begun, place: place,
                own: received, upload: upload)
        }
        return respond(
            body: upload.buffer.bytes, framing: .length(upload.buffer.count), marks: upload.marks, begun: upload.begun,
            own: upload.memory, upload: upload)
    }

    @inline(__always)
    func respond(
        body: BorrowedBytes, framing: BodyFraming, marks: HeadMarks, begun: Int64?, place: (any BodyPlace)? = nil,
        own: Int = 0, upload: Upload? = nil, slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>? = nil
    ) -> MHD_Result {
        switch worker.dispatcher.respond(Request(head: head(framing, marks), body: body, place: place)) {
        case .now(let response):
            return sendCounted(response, framing: framing, marks: marks, begun: begun, own: own)
        case .later(let pending):
            if let upload { return wait(for: pending, upload) }
            return wait(for: pending, slot, marks: marks)
        }
    }

    /// Sends a response if there is memory for it.
    @inline(__always)
    private func sendCounted(
        _ response: consuming Response, framing: BodyFraming, marks: HeadMarks, begun: Int64?, own: Int
    ) -> MHD_Result {
        let held = response.body.heldBytes
        guard held > AnswerMemory.mostUncounted else { return send(response, marks: marks, begun: begun) }
        guard worker.hasRoom(held, own: own) else {
            return send(worker.dispatcher.refuseOverload(head(framing, marks)), marks: marks, begun: begun)
        }
        return send(response, marks: marks, begun: begun, counting: AnswerMemory(held, worker))
    }

    private func head(_ framing: BodyFraming, _ marks: HeadMarks) -> RequestHead {
        let (path, query) = RequestLine.split(url, version: version)
        return RequestHead(
            method: Method(UnsafeRawBufferPointer(start: method, count: strlen(method))), path: path, query: query,
            framing: framing, marks: marks, fields: ConnectionFields(connection: connection))
    }

    @inline(__always)
    private func send(
        _ response: consuming Response, marks: HeadMarks, begun: Int64?, counting memory: AnswerMemory? = nil
    ) -> MHD_Result {
        if let lines = worker.lines {
            return send(response, marks: marks, begun: begun, counting: memory, loggingTo: lines)
        }
        if !isHead, response.status != 304, let count = response.byteCount { worker.traffic.send(count) }
        return queue(response, counting: memory)
    }

    @inline(__always)
    func queue(
        _ response: consuming Response, counting memory: AnswerMemory?, line: ProducedBody.Line? = nil
    ) -> MHD_Result {
        let status = CUnsignedInt(response.status)
        guard
            let message = makeMessage(
                response, toHead: isHead, on: connection, counting: memory, worker: worker, line: line)
        else { return .NO }
        defer { MHD_destroy_response(message) }
        return MHD_queue_response(connection, status, message)
    }

    var isHead: Bool { strcmp(method, "HEAD") == 0 }

    // MARK: Waiting

    /// Has a request without a body wait for its response.
    @inline(never)
    private func wait(
        for pending: PendingResponse, _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, marks: HeadMarks
    ) -> MHD_Result {
        guard let slot else { return .NO }
        let upload = Upload(.buffer(limit: 0), marks: marks, begun: logTime)
        hold(upload, in: slot)
        return wait(for: pending, upload)
    }

    /// Has a request wait for its response; its body goes.
    private func wait(for pending: PendingResponse, _ upload: Upload) -> MHD_Result {
        let (request, before) = (WaitingRequest(), upload.memory)
        upload.destination = .waiting(request)
        upload.buffer = BodyBuffer(expected: nil)
        worker.bodyBytes += upload.memory - before
        worker.watch?.setExempt(true, mhd_socket(connection))
        return worker.waiting.wait(request, for: pending.awaited, on: connection) ? .YES : .NO
    }

    /// The connection has been resumed. Without a response that is the end of it.
    private func finish(_ request: WaitingRequest, _ upload: Upload) -> MHD_Result {
        worker.watch?.setExempt(false, mhd_socket(connection))
        switch request.take() {
        case .none: return .NO
        case .some(let response):
            return sendCounted(
                response, framing: .none, marks: upload.marks, begun: upload.begun, own: upload.memory)
        }
    }

    // MARK: Refusing

    /// Answers at the beginning, and throws away what comes behind.
    private func refuse(
        _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ response: consuming Response, marks: HeadMarks,
        begun: Int64?
    ) -> MHD_Result {
        let upload = Upload(.nowhere(budget: 0), marks: marks, begun: begun)
        let result = refuse(upload, response)
        if result == .YES { hold(upload, in: slot) }
        return result
    }

    /// Answers before the request is complete, and throws away the rest.
    ///
    /// The library takes no answer while a body arrives, closes the connection behind one that comes before, which resets it under
    /// a client that still sends, and may have no memory for one to a large head: so it is written to the socket here.
    private func refuse(_ upload: Upload, _ response: consuming Response) -> MHD_Result {
        let (status, count) = (response.status, isHead ? 0 : response.byteCount ?? 0)
        guard sendNow(response, connection, isHead: isHead, worker) else { return .NO }
        if let lines = worker.lines {
            log(status: status, bytes: count, marks: upload.marks, begun: upload.begun, ended: nil, to: lines)
        }
        worker.bodyBytes -= upload.memory
        upload.buffer = BodyBuffer(expected: nil)
        upload.destination = .nowhere(budget: Self.discardBudget)
        worker.traffic.complete()
        mhd_set_timeout(connection, discardTimeout)
        return .YES
    }
}
