internal import CZlib
internal import CZstd

/// Decompresses bytes that come piece by piece: one compressed text or several, one behind the other, which is how both formats are
/// concatenated.
///
/// - Note: What is compressed may grow a thousandfold and more: who calls bounds it by what `emit` returns. It takes some 100
///   KiB of memory while it lives, and as far as a zstd text looks back, at most ``mostZstdWindow``.
package struct Decompressor: ~Copyable {
    /// Invariant: what is in here was made by its library, belongs to this value, and does not move.
    private enum Engine {
        case zstd(OpaquePointer)
        case gzip(UnsafeMutablePointer<z_stream>)
    }

    private let engine: Engine
    private let format: CompressionFormat
    /// Allocated in init, freed in deinit.
    private let room: UnsafeMutableRawBufferPointer
    /// Bytes that were taken in.
    private var consumed = 0
    private var isAtEnd = false

    /// RFC 9659: who decompresses for HTTP need have no more.
    private static let mostZstdWindowLog: CInt = 23

    /// What zlib takes to decompress, by its documentation: a window, and some tables.
    private static let gzipBytes = 44 << 10

    /// The most bytes that a zstd text may look back.
    package static let mostZstdWindow = 1 << Int(mostZstdWindowLog)

    /// - Returns: nil if memory is exhausted.
    package init?(_ format: CompressionFormat) {
        self.format = format
        switch format {
        case .zstd:
            guard let context = ZSTD_createDCtx() else { return nil }
            ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.mostZstdWindowLog)
            engine = .zstd(context)
        case .gzip:
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            stream.initialize(to: z_stream())
            guard zlib_inflate_init(stream) == Z_OK else {
                stream.deallocate()
                return nil
            }
            engine = .gzip(stream)
        }
        room = .allocate(byteCount: 64 << 10, alignment: 16)
    }

    deinit {
        switch engine {
        case .zstd(let context): ZSTD_freeDCtx(context)
        case .gzip(let stream):
            inflateEnd(stream)
            stream.deallocate()
        }
        room.deallocate()
    }

    /// How many bytes of memory it takes at present.
    package var heldBytes: Int {
        switch engine {
        case .zstd(let context): room.count + ZSTD_sizeof_DCtx(context)
        case .gzip: room.count + Self.gzipBytes
        }
    }

    /// Decompresses the next bytes.
    ///
    /// - Parameters:
    ///   - bytes: The bytes.
    ///   - emit: Told what comes of them, piece by piece; returns whether to go on.
    /// - Returns: Whether all were taken in; if not, it is of no more use.
    /// - Throws: ``CompressedDataError`` if they are not of the format; it is of no more use then.
    package mutating func append(
        _ bytes: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Bool
    ) throws(CompressedDataError) -> Bool {
        // zlib counts in 32 bits.
        var rest = bytes
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
            let goesOn =
                switch engine {
                case .zstd(let context): try run(context, part, emit)
                case .gzip(let stream): try run(stream, part, emit)
                }
            guard goesOn else { return false }
        }
        return true
    }

    /// All bytes have come.
    ///
    /// - Throws: ``CompressedDataError`` if more should have.
    package func finish() throws(CompressedDataError) {
        guard isAtEnd else { throw CompressedDataError(format, "it ends in the midst, after \(consumed) bytes") }
    }

    private mutating func run(
        _ context: OpaquePointer, _ bytes: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Bool
    ) throws(CompressedDataError) -> Bool {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        let before = consumed
        var isFull = true
        while input.pos < input.size || isFull {
            var output = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
            let status = ZSTD_decompressStream(context, &output, &input)
            consumed = before + input.pos
            guard ZSTD_isError(status) == 0 else { throw fault(String(cString: ZSTD_getErrorName(status))) }
            // A call that neither takes nor gives says nothing of the end.
            if output.pos > 0 || input.size > 0 { isAtEnd = status == 0 }
            isFull = output.pos == output.size
            guard output.pos == 0 || emit(UnsafeRawBufferPointer(rebasing: room[..<output.pos])) else { return false }
            if status == 0, input.pos == input.size { break }
        }
        return true
    }

    private mutating func run(
        _ stream: UnsafeMutablePointer<z_stream>, _ bytes: UnsafeRawBufferPointer,
        _ emit: (UnsafeRawBufferPointer) -> Bool
    ) throws(CompressedDataError) -> Bool {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = CUnsignedInt(bytes.count)
        let before = consumed
        var isFull = true
        while stream.pointee.avail_in > 0 || isFull {
            if isAtEnd {
                // Another text, if there is one.
                guard stream.pointee.avail_in > 0 else { break }
                inflateReset(stream)
                isAtEnd = false
            }
            stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_out = CUnsignedInt(room.count)
            let status = inflate(stream, Z_NO_FLUSH)
            consumed = before + bytes.count - Int(stream.pointee.avail_in)
            guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
                throw fault(stream.pointee.msg.map { String(cString: $0) } ?? "error \(status)")
            }
            isAtEnd = status == Z_STREAM_END
            isFull = stream.pointee.avail_out == 0
            let count = room.count - Int(stream.pointee.avail_out)
            guard count == 0 || emit(UnsafeRawBufferPointer(rebasing: room[..<count])) else { return false }
        }
        return true
    }

    private func fault(_ reason: String) -> CompressedDataError {
        CompressedDataError(format, "\(reason), within its first \(consumed) bytes")
    }
}

/// Why bytes are not what they are said to be.
package struct CompressedDataError: Error, CustomStringConvertible {
    /// Such as "it is no whole gzip data: incorrect header check, within its first 2 bytes".
    package let description: String

    fileprivate init(_ format: CompressionFormat, _ reason: String) {
        description = "it is no whole \(format.rawValue) data: \(reason)"
    }
}
