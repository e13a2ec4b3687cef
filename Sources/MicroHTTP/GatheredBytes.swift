internal import CMicroHTTPD

/// A body whose bytes are in several places, and whoever keeps them there. They are sent from where they are.
public struct GatheredBytes: ~Copyable {
    // The owner keeps all of them alive and unchanged for as long as it lives.
    public let pieces: [UnsafeRawBufferPointer]
    public let count: Int
    /// How many bytes the owner holds for these alone.
    public let heldBytes: Int
    let owner: AnyObject

    /// - Parameters:
    ///   - pieces: The places, in their order.
    ///   - heldBytes: How many bytes the owner holds for these alone.
    ///   - owner: Who keeps what is there alive and unchanged; released on any thread when all is sent.
    public init(_ pieces: [UnsafeRawBufferPointer], heldBytes: Int = 0, owner: AnyObject) {
        self.heldBytes = heldBytes
        self.pieces = pieces
        self.owner = owner
        count = pieces.reduce(0) { $0 + $1.count }
    }

    /// All of them in one place.
    ///
    /// - Complexity: O(*n*) for *n* bytes.
    public var joined: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for piece in pieces { bytes += piece }
        return bytes
    }

    /// The library's response of these, which keeps the owner; nil if memory is exhausted.
    ///
    /// - Parameters:
    ///   - mostPieces: Of more pieces they are copied for the library, a part after another as the client takes them.
    ///   - memory: Released with the owner.
    consuming func makeMessage(mostPieces: Int, memory: AnswerMemory?) -> OpaquePointer? {
        let kept: AnyObject = if let memory { Owners(owner, memory) } else { owner }
        guard pieces.count <= mostPieces else {
            let copied = Unmanaged.passRetained(CopiedPieces(pieces, owner: kept)).toOpaque()
            let message = MHD_create_response_from_callback(
                UInt64(count), CopiedPieces.bytesAtOnce, readCopiedPieces, copied, releaseOwner)
            if message == nil { releaseOwner(copied) }
            return message
        }
        let vector = pieces.map { MHD_IoVec(iov_base: $0.baseAddress, iov_len: $0.count) }
        let token = Unmanaged.passRetained(kept).toOpaque()
        let message = MHD_create_response_from_iovec(vector, CUnsignedInt(vector.count), releaseOwner, token)
        if message == nil { releaseOwner(token) }
        return message
    }
}

private final class Owners {
    private let owner: AnyObject
    private let memory: AnswerMemory

    init(_ owner: AnyObject, _ memory: AnswerMemory) {
        self.owner = owner
        self.memory = memory
    }
}

/// Copies pieces one after another.
private final class CopiedPieces {
    static let bytesAtOnce = 64 << 10

    // The owner keeps them alive and unchanged.
    private let pieces: [UnsafeRawBufferPointer]
    private let owner: AnyObject
    /// Where the next byte is: in which piece, and where in that.
    private var piece = 0
    private var offset = 0

    init(_ pieces: [UnsafeRawBufferPointer], owner: AnyObject) {
        self.pieces = pieces
        self.owner = owner
    }

    /// Writes the next bytes; 0 at the end.
    func read(into target: UnsafeMutableRawBufferPointer) -> Int {
        var written = 0
        while written < target.count, piece < pieces.count {
            let part = pieces[piece][offset...].prefix(target.count - written)
            UnsafeMutableRawBufferPointer(rebasing: target[written...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: part))
            written += part.count
            offset += part.count
            if offset == pieces[piece].count { (piece, offset) = (piece + 1, 0) }
        }
        return written
    }
}

private let readCopiedPieces: MHD_ContentReaderCallback = { token, _, buffer, capacity in
    guard let token, let buffer else { return -1 }  // MHD_CONTENT_READER_END_OF_STREAM
    let count = Unmanaged<CopiedPieces>.fromOpaque(token)._withUnsafeGuaranteedRef {
        $0.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: capacity))
    }
    return count == 0 ? -1 : count
}

private let releaseOwner: MHD_ContentReaderFreeCallback = { token in
    if let token { Unmanaged<AnyObject>.fromOpaque(token).release() }
}
