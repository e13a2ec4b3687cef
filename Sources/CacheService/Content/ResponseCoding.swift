internal import Compression
internal import MicroHTTP
internal import Synchronization

/// Responses in a content coding.
extension Response {
    /// Contents of at most so many bytes are sent as they are: the head would take up most of what is saved.
    static let mostUncodedBytes = 1024

    /// How much is compressed at once; more would keep the thread from its other clients, and is compressed as the client takes it.
    private static let mostBytesAtOnce = 128 << 10

    /// Has the content sent in a coding, if it is large enough; nil is none. Where it could have been sent in another coding, `Vary`
    /// says so.
    ///
    /// - Parameter format: Asked for a large content alone: a client names the codings that it takes with every request.
    consuming func encoded(in format: @autoclosure () -> CompressionFormat?) -> Response {
        let count = byteCount
        guard status != 304, count ?? .max > Self.mostUncodedBytes else { return self }
        headers.add("Vary", "Accept-Encoding")
        guard let format = format() else { return self }
        if let count, count <= Self.mostBytesAtOnce, let coded = withBytes({ Self.codedBody($0, in: format) }) {
            // Assigned as a whole: what was lent goes back.
            body = .bytes(coded)
        } else {
            guard CompressedBody.mayBegin, let compressor = Compressor(format) else { return self }
            var source = Body.empty
            swap(&source, &body)
            body = .stream(CompressedBody(of: source, compressor))
        }
        headers.add("Content-Encoding", format.rawValue)
        headers.update("ETag") { EntityTag.coded($0, in: format) }
        return self
    }

    /// A content in a coding, as it is sent with its length; nil if it is sent while it is compressed, or if memory is exhausted.
    static func codedBody(_ content: BorrowedBytes, in format: CompressionFormat) -> [UInt8]? {
        content.count <= mostBytesAtOnce ? CompressorPool.compress(content, format) : nil
    }

    /// Calls `body` with the content of a response that is no stream.
    private borrowing func withBytes<Result>(_ visit: (BorrowedBytes) -> Result) -> Result {
        switch body {
        case .empty: visit(UnsafeRawBufferPointer(start: nil, count: 0))
        case .unknown: visit(UnsafeRawBufferPointer(start: nil, count: 0))
        case .stream: visit(UnsafeRawBufferPointer(start: nil, count: 0))
        case .bytes(let bytes): bytes.withUnsafeBytes(visit)
        case .constant(let bytes): visit(bytes)
        case .lent(let lent): visit(lent.bytes)
        case .gathered(let gathered): gathered.joined.withUnsafeBytes(visit)
        }
    }
}

/// A content that is compressed while the client takes it.
private final class CompressedBody: BodyProducer {
    private var source: Response.Body
    private var compressor: Compressor
    /// How many bytes of the source are done, where it is in memory, or of its present piece.
    private var offset = 0
    private var piece = 0
    private var isAtEnd = false

    private static let pieceBytes = 64 << 10

    /// How many there are, each with a compressor of its own for as long as its client takes; and how many there may be. What comes
    /// then is sent as it is.
    private static let live = Atomic<Int>(0)
    private static let most = 256

    static var mayBegin: Bool { live.load(ordering: .relaxed) < most }

    let heldBytes: Int

    init(of source: consuming Response.Body, _ compressor: consuming Compressor) {
        heldBytes = source.heldBytes
        self.source = source
        self.compressor = compressor
        Self.live.add(1, ordering: .relaxed)
    }

    deinit { Self.live.subtract(1, ordering: .relaxed) }

    func nextPiece() -> [UInt8]? {
        var output: [UInt8] = []
        // Compressors keep some pieces for later: what is empty would end the stream.
        while output.isEmpty, !isAtEnd {
            isAtEnd = !compressNext(to: &output)
            if isAtEnd { compressor.finish(to: &output) }
        }
        return output.isEmpty ? nil : output
    }

    /// - Returns: Whether there was more.
    private func compressNext(to output: inout [UInt8]) -> Bool {
        switch source {
        case .empty: return false
        case .unknown: return false
        case .stream(let producer):
            guard let piece = producer.nextPiece() else { return false }
            piece.withUnsafeBytes { compressor.append($0, to: &output) }
            return true
        case .bytes(let bytes): return bytes.withUnsafeBytes { compress($0, to: &output) }
        case .constant(let bytes): return compress(bytes, to: &output)
        case .lent(let lent): return compress(lent.bytes, to: &output)
        case .gathered(let gathered):
            while piece < gathered.pieces.count {
                if compress(gathered.pieces[piece], to: &output) { return true }
                piece += 1
                offset = 0
            }
            return false
        }
    }

    private func compress(_ bytes: BorrowedBytes, to output: inout [UInt8]) -> Bool {
        guard offset < bytes.count else { return false }
        let end = min(bytes.count, offset + Self.pieceBytes)
        compressor.append(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]), to: &output)
        offset = end
        return true
    }
}
