internal import CZlib
internal import CZstd

/// Compresses bytes that come piece by piece, as fast as the format can.
///
/// - Note: It takes some 400 KiB of memory while it lives.
package struct Compressor: ~Copyable {
    /// Invariant: what is in here was made by its library, belongs to this value, and does not move.
    private enum Engine {
        case zstd(OpaquePointer)
        case gzip(UnsafeMutablePointer<z_stream>)
    }

    private let engine: Engine

    /// Half a kilobyte saved is not worth half a millisecond of a server's thread.
    private static let level: CInt = 1
    /// How far back zstd looks, as a power of two: what it would take by itself is megabytes for each stream.
    private static let zstdWindow: CInt = 17
    private static let roomAtOnce = 32 << 10

    /// - Returns: nil if memory is exhausted.
    package init?(_ format: CompressionFormat) {
        switch format {
        case .zstd:
            guard let context = ZSTD_createCCtx() else { return nil }
            ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Self.level)
            ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, Self.zstdWindow)
            ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
            engine = .zstd(context)
        case .gzip:
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            stream.initialize(to: z_stream())
            guard zlib_deflate_init(stream, Self.level) == Z_OK else {
                stream.deallocate()
                return nil
            }
            engine = .gzip(stream)
        }
    }

    deinit {
        switch engine {
        case .zstd(let context): ZSTD_freeCCtx(context)
        case .gzip(let stream):
            deflateEnd(stream)
            stream.deallocate()
        }
    }

    /// Compresses the next bytes. What comes of them is appended to `output`, now or later.
    package mutating func append(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        run(bytes, isLast: false, to: &output)
    }

    /// Appends the rest, and makes ready for another text.
    package mutating func finish(to output: inout [UInt8]) {
        run(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true, to: &output)
    }

    /// Compresses a whole text, and makes ready for another.
    package mutating func compress(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var output: [UInt8] = []
        // Known, the length is told to who decompresses, and lets zstd choose smaller tables.
        if case .zstd(let context) = engine { ZSTD_CCtx_setPledgedSrcSize(context, UInt64(bytes.count)) }
        run(bytes, isLast: true, to: &output)
        return output
    }

    private func run(_ bytes: UnsafeRawBufferPointer, isLast: Bool, to output: inout [UInt8]) {
        switch engine {
        case .zstd(let context): Self.run(context, bytes, isLast: isLast, to: &output)
        case .gzip(let stream): Self.run(stream, bytes, isLast: isLast, to: &output)
        }
    }

    private static func run(
        _ context: OpaquePointer, _ bytes: UnsafeRawBufferPointer, isLast: Bool, to output: inout [UInt8]
    ) {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var isComplete = false
        while !isComplete {
            output.append(atMost: roomAtOnce) { room in
                var target = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                let left = ZSTD_compressStream2(context, &target, &input, isLast ? ZSTD_e_end : ZSTD_e_continue)
                // It refuses what is no use of it, and nothing else: its memory is there.
                precondition(ZSTD_isError(left) == 0, "zstd refused to compress")
                isComplete = isLast ? left == 0 : input.pos == input.size
                return target.pos
            }
        }
    }

    private static func run(
        _ stream: UnsafeMutablePointer<z_stream>, _ bytes: UnsafeRawBufferPointer, isLast: Bool,
        to output: inout [UInt8]
    ) {
        var rest = bytes
        repeat {
            // zlib counts in 32 bits.
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
            let flush = isLast && rest.isEmpty ? Z_FINISH : Z_NO_FLUSH
            // It reads there alone, whatever its types say.
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: part.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = CUnsignedInt(part.count)
            var isFull = true
            while isFull {
                output.append(atMost: roomAtOnce) { room in
                    stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    stream.pointee.avail_out = CUnsignedInt(room.count)
                    let status = deflate(stream, flush)
                    precondition(status != Z_STREAM_ERROR, "zlib refused to compress")
                    isFull = stream.pointee.avail_out == 0 && status != Z_STREAM_END
                    return room.count - Int(stream.pointee.avail_out)
                }
            }
        } while !rest.isEmpty
        if isLast { deflateReset(stream) }
    }
}

extension [UInt8] {
    /// Appends at most `count` bytes, which `write` writes; it returns how many it wrote.
    fileprivate mutating func append(atMost count: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int) {
        append(addingCapacity: count) { span in
            span.withUnsafeMutableBufferPointer { buffer, written in
                written += write(
                    UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[written...])))
            }
        }
    }
}
