internal import Threading

/// A few compressors that are used again: to make one takes longer than to compress a kilobyte.
///
/// As many are kept idle as threads are likely to compress at once; a thread that finds none makes its own, so that nobody waits.
package enum CompressorPool {
    private static let mostIdle = 8

    /// Whoever takes it out of the list has it alone.
    private final class Idle: @unchecked Sendable {
        var compressor: Compressor
        init(_ compressor: consuming Compressor) { self.compressor = compressor }
    }

    private static let idle = Locked<[CompressionFormat: [Idle]]>([:])

    /// All of a text, compressed; nil if memory is exhausted.
    package static func compress(_ bytes: UnsafeRawBufferPointer, _ format: CompressionFormat) -> [UInt8]? {
        let holder: Idle
        if let found = idle.withLock({ $0[format]?.popLast() }) {
            holder = found
        } else if let compressor = Compressor(format) {
            holder = Idle(compressor)
        } else {
            return nil
        }
        let compressed = holder.compressor.compress(bytes)
        idle.withLock { idle in
            if idle[format, default: []].count < mostIdle { idle[format, default: []].append(holder) }
        }
        return compressed
    }
}
