/// What a request is answered with.
///
/// `Content-Length`, `Date` and `Connection` are added when it is sent; to a HEAD request, only the head is sent.
public struct Response: ~Copyable {
    public var status: Int
    public var headers: HeaderFields
    public var body: Body
    /// Whether the connection ends with this response, which then says so.
    public var closesConnection = false

    /// When the handler began to make it, and when it had made it, in nanoseconds of the system's `CLOCK_BOOTTIME`; nil if it did not
    /// look at that clock. For the access log, to which another look is dear: what it needs and is not told it looks up.
    public var began: Int64?
    public var ended: Int64?

    /// A response's content.
    public enum Body: ~Copyable {
        case empty
        /// One that is not sent, as behind a 304, and whose length is not known. The connection ends with it.
        case unknown
        case bytes([UInt8])
        /// Bytes of the program itself.
        case constant(UnsafeRawBufferPointer)
        /// Bytes that belong to someone else, who gets them back when they are sent.
        case lent(LentBytes)
        /// Bytes in several places.
        case gathered(GatheredBytes)
        /// Bytes that are made while they are sent; their number is not known before.
        case stream(any BodyProducer)

        /// How many bytes are in memory for this body alone, until it is sent.
        public var heldBytes: Int {
            switch self {
            case .empty: 0
            case .unknown: 0
            case .constant: 0
            case .lent: 0
            case .bytes(let bytes): bytes.count
            case .gathered(let gathered): gathered.heldBytes
            case .stream(let producer): producer.heldBytes
            }
        }
    }

    public init(status: Int, headers: HeaderFields = HeaderFields(), body: consuming Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// How many bytes the body has; nil for a stream.
    public var byteCount: Int? {
        switch body {
        case .empty: 0
        case .unknown: nil
        case .bytes(let bytes): bytes.count
        case .constant(let bytes): bytes.count
        case .lent(let lent): lent.bytes.count
        case .gathered(let gathered): gathered.count
        case .stream: nil
        }
    }

    /// All of the body at once, to the last piece of a stream: for what calls a handler without a server.
    public consuming func collectBody() -> [UInt8] {
        var bytes: [UInt8] = []
        forEachPiece { bytes += $0 }
        return bytes
    }

    /// Calls `visit` with the body: a stream's piece by piece, any other at once.
    public consuming func forEachPiece(_ visit: ([UInt8]) -> Void) {
        switch consume body {
        case .empty: break
        case .unknown: break
        case .bytes(let bytes): visit(bytes)
        case .constant(let bytes): visit(Array(bytes))
        case .lent(let lent): visit(Array(lent.bytes))
        case .gathered(let gathered): visit(gathered.joined)
        case .stream(let producer): while let piece = producer.nextPiece() { visit(piece) }
        }
    }
}

/// Bytes of someone else's memory, and the duty to give them back.
public struct LentBytes: ~Copyable {
    /// Gives the bytes back. Called on any thread, once.
    public typealias Release = @convention(c) (_ token: UnsafeMutableRawPointer?) -> Void

    // The lender keeps the bytes alive and unchanged until `release(token)`.
    public let bytes: UnsafeRawBufferPointer
    private let token: UnsafeMutableRawPointer
    private let release: Release

    /// - Parameters:
    ///   - bytes: The bytes, which must stay as they are until `release` is called.
    ///   - token: What `release` is called with.
    ///   - release: Called once, when the bytes are no longer needed.
    public init(_ bytes: UnsafeRawBufferPointer, token: UnsafeMutableRawPointer, release: @escaping Release) {
        self.bytes = bytes
        self.token = token
        self.release = release
    }

    deinit { release(token) }

    /// Hands the duty on.
    consuming func take() -> (bytes: UnsafeRawBufferPointer, token: UnsafeMutableRawPointer, release: Release) {
        let parts = (bytes, token, release)
        discard self
        return parts
    }
}

/// Makes the body of a response piece by piece, as the client takes it.
public protocol BodyProducer: AnyObject {
    /// The next piece, not empty; nil at the end. Called on one of the server's threads, which it must not block.
    func nextPiece() -> [UInt8]?

    /// How many bytes it holds to make them of, that are held for nothing else.
    var heldBytes: Int { get }
}

extension BodyProducer {
    public var heldBytes: Int { 0 }
}
