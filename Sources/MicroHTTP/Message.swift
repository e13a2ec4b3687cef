internal import CMicroHTTPD
internal import Glibc

/// Makes the library's response from a value. Ownership of the bytes goes along: lent bytes go back when the library has
/// sent them or given up.
///
/// - Parameters:
///   - isHead: Whether it answers a HEAD request, so that only the head will be sent.
///   - connection: That it is for.
///   - memory: What is counted of it, if anything.
///   - worker: Of the calling thread.
///   - line: The line of the access log for a body that is made while it is sent.
/// - Returns: The response, to be queued and destroyed; nil if memory is exhausted or its head is too long.
@inline(__always)
func makeMessage(
    _ response: consuming Response, toHead isHead: Bool, on connection: OpaquePointer, counting memory: AnswerMemory?,
    worker: Worker, line: ProducedBody.Line? = nil
) -> OpaquePointer? {
    let headers = response.headers
    let closes = response.closesConnection
    let message: OpaquePointer?
    switch consume response.body {
    case .empty:
        message = MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
    case .constant(let bytes):
        message = MHD_create_response_from_buffer(
            bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_PERSISTENT)
    case .bytes(let bytes):
        message = makeMessage(bytes, memory)
    case .lent(let lent):
        let (bytes, token, release) = lent.take()
        message = MHD_create_response_from_buffer_with_free_callback_cls(
            bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), release, token)
        if message == nil { release(token) }
    case .gathered(let gathered):
        message = gathered.makeMessage(mostPieces: mhd_most_pieces(connection, worker.headBounds.bytes), memory: memory)
    case .unknown:
        message = makeHead()
    case .stream where isHead:
        message = makeHead()
    case .stream(let producer):
        // Behind a body of no bytes that is not chunked, as to HTTP/1.0, the library would wait for more until the time for silence is over.
        let first = producer.nextPiece()
        let body = ProducedBody(producer, startingWith: first ?? [], counting: memory, worker, line)
        guard first != nil else {
            message = MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
            break
        }
        let stream = Unmanaged.passRetained(body).toOpaque()
        message = MHD_create_response_from_callback(UInt64.max, 32 * 1024, readProducedBody, stream, endProducedBody)
        if message == nil { endProducedBody(stream) }
    }
    guard let message else { return nil }
    let isComplete = headers.text.withUnsafeBytes { fields in
        mhd_add_fields(message, worker.currentDate, fields.baseAddress, fields.count)
    }
    guard isComplete == .YES, !closes || MHD_add_response_header(message, "Connection", "close") == .YES else {
        MHD_destroy_response(message)
        return nil
    }
    return message
}

/// A head without a length. Where the body would be chunked, the library sends the end of one even to HEAD, and behind a 304. As
/// to a client of HTTP/1.0 it sends the head alone, and closes the connection.
private func makeHead() -> OpaquePointer? {
    let message = MHD_create_response_from_callback(UInt64.max, 1, readNothing, nil, nil)
    if let message { mhd_send_without_chunks(message) }
    return message
}

/// A small body is copied, a large one kept alive until it is sent.
private func makeMessage(_ bytes: [UInt8], _ memory: AnswerMemory?) -> OpaquePointer? {
    guard bytes.count > 16 * 1024 else {
        return bytes.withUnsafeBytes {
            MHD_create_response_from_buffer(
                $0.count, UnsafeMutableRawPointer(mutating: $0.baseAddress), .RESPMEM_MUST_COPY)
        }
    }
    let kept = KeptBytes(bytes, memory)
    let token = Unmanaged.passRetained(kept).toOpaque()
    let message = MHD_create_response_from_buffer_with_free_callback_cls(
        kept.storage.count, kept.storage.baseAddress, releaseKeptBytes, token)
    if message == nil { releaseKeptBytes(token) }
    return message
}

/// Bytes at an address that does not change until it is released.
private final class KeptBytes {
    // Allocated in init, freed in deinit, and not written in between.
    let storage: UnsafeMutableRawBufferPointer
    private let memory: AnswerMemory?

    init(_ bytes: [UInt8], _ memory: AnswerMemory?) {
        self.memory = memory
        storage = .allocate(byteCount: bytes.count, alignment: 1)
        storage.copyBytes(from: bytes)
    }

    deinit { storage.deallocate() }
}

private let releaseKeptBytes: MHD_ContentReaderFreeCallback = { token in
    if let token { Unmanaged<KeptBytes>.fromOpaque(token).release() }
}

// MARK: Bodies made while they are sent

/// A body that is made while it is sent, from the first piece to the last, or to when the client goes away.
final class ProducedBody {
    /// What the access log is to say when the body ends.
    struct Line {
        var request: KeptAccessLogEntry
        var status: Int
        var begun: Int64
    }

    private let producer: any BodyProducer
    private let worker: Worker
    private let memory: AnswerMemory?
    private let line: Line?
    private var sent = 0
    private var piece: [UInt8]
    private var offset = 0

    init(
        _ producer: any BodyProducer, startingWith piece: [UInt8], counting memory: AnswerMemory?, _ worker: Worker,
        _ line: Line? = nil
    ) {
        self.memory = memory
        self.producer = producer
        self.piece = piece
        self.worker = worker
        self.line = line
    }

    deinit {
        guard let line else { return }
        worker.accessLog?.add(
            line.request.entry,
            AccessLogOutcome(status: line.status, bytes: sent, begun: line.begun, ended: AccessLogClock.now))
    }

    /// Writes the next bytes; 0 at the end.
    fileprivate func read(into target: UnsafeMutableRawBufferPointer) -> Int {
        while offset == piece.count {
            guard let next = producer.nextPiece() else { return 0 }
            piece = next
            offset = 0
        }
        let count = min(target.count, piece.count - offset)
        piece.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count])) }
        offset += count
        worker.traffic.send(count)
        sent += count
        return count
    }
}

private let readNothing: MHD_ContentReaderCallback = { _, _, _, _ in -1 }  // MHD_CONTENT_READER_END_OF_STREAM

private let readProducedBody: MHD_ContentReaderCallback = { token, _, buffer, capacity in
    guard let token, let buffer else { return -1 }  // MHD_CONTENT_READER_END_OF_STREAM
    let count = Unmanaged<ProducedBody>.fromOpaque(token)._withUnsafeGuaranteedRef {
        $0.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: capacity))
    }
    return count == 0 ? -1 : count
}

private let endProducedBody: MHD_ContentReaderFreeCallback = { token in
    if let token { Unmanaged<ProducedBody>.fromOpaque(token).release() }
}

// MARK: Without the library

/// The bytes of a response, sent at `date`, that closes its connection; nil for one whose body is not at hand.
///
/// - Parameter isHead: Whether it answers a HEAD request, so that the body is left out.
func serialize(_ response: consuming Response, toHead isHead: Bool = false, date: UnsafePointer<CChar>) -> [UInt8]? {
    let phrase = String(cString: MHD_get_reason_phrase_for(CUnsignedInt(response.status)))
    var text = "HTTP/1.1 \(response.status) \(phrase)\r\nDate: \(String(cString: date))\r\n"
    text += String(decoding: response.headers.text, as: UTF8.self)
    guard let count = response.byteCount else { return nil }
    text += "Content-Length: \(count)\r\nConnection: close\r\n\r\n"
    if isHead { return Array(text.utf8) }
    switch consume response.body {
    case .empty: return Array(text.utf8)
    case .bytes(let bytes): return Array(text.utf8) + bytes
    case .constant(let bytes): return Array(text.utf8) + bytes
    case .lent(let lent): return Array(text.utf8) + lent.bytes
    case .gathered(let gathered): return Array(text.utf8) + gathered.joined
    case .unknown: return nil
    case .stream: return nil
    }
}
