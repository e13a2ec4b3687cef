internal import CZstd

/// The frames of a zstd file, each of which can be decompressed without the others (RFC 8878, section 3.1).
package enum ZstdFrames {
    /// What stands at the beginning of some bytes.
    package enum Found: Equatable {
        /// A frame of so many bytes, compressed.
        case data(count: Int)
        /// A frame that decompressors pass over, of so many bytes, the last of which are its content.
        case note(count: Int, contentCount: Int)
        /// The beginning of a frame, or nothing: it cannot be told without what follows.
        case incomplete
        /// No frame.
        case none
    }

    /// Bytes of the head of a frame that is passed over: its magic number, and how long its content is, both little-endian.
    private static let noteHeadBytes = 8
    /// There are sixteen; the lowest four bits are the writer's choice.
    private static let noteMagic: UInt32 = 0x184D_2A50

    package static func find(_ bytes: UnsafeRawBufferPointer) -> Found {
        if bytes.count >= noteHeadBytes, loadLittleEndian(bytes, at: 0) & ~0xF == noteMagic {
            let content = Int(loadLittleEndian(bytes, at: 4))
            let count = noteHeadBytes + content
            return bytes.count >= count ? .note(count: count, contentCount: content) : .incomplete
        }
        let size = ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count)
        guard ZSTD_isError(size) != 0 else { return .data(count: size) }
        return ZSTD_getErrorCode(size) == ZSTD_error_srcSize_wrong ? .incomplete : .none
    }

    /// How many bytes a frame has decompressed, by what it says; nil if it does not.
    package static func contentCount(_ frame: UnsafeRawBufferPointer) -> Int? {
        // The two highest numbers stand for unknown and for no frame.
        let count = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
        return Int(exactly: count)
    }

    /// A frame that decompressors pass over.
    package static func note(_ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in [noteMagic, UInt32(content.count)] {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        return bytes + content
    }

    private static func loadLittleEndian(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
