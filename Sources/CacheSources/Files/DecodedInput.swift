internal import CacheCore
internal import Compression

/// Bytes of a source as they come, perhaps compressed, on their way to what makes items of them.
struct DecodedInput: ~Copyable {
    private var decoder: any ItemDecoder
    private var decompressor: Decompressor?

    init(_ decoder: any ItemDecoder, _ decompressor: consuming Decompressor?) {
        self.decoder = decoder
        self.decompressor = decompressor
    }

    /// Takes in the next bytes.
    ///
    /// - Throws: ``SourceFailure`` if the rest cannot be read.
    mutating func take(_ bytes: UnsafeRawBufferPointer, _ reading: inout SourceReading) throws(SourceFailure) {
        do {
            guard decompressor != nil else { return try decoder.consume(bytes, into: &reading.sink) }
            var fault: (any Error)?
            _ = try decompressor!.append(bytes) { piece in
                do {
                    try decoder.consume(piece, into: &reading.sink)
                    // A few bytes may become millions of items, or a line that does not end, which never fills anything.
                    try reading.flushIfFull()
                    if reading.isCancelled() { throw SourceFailure.cancelled }
                    return true
                } catch {
                    fault = error
                    return false
                }
            }
            if let fault { throw fault }
        } catch {
            throw Self.failure(error)
        }
    }

    /// All bytes have come.
    ///
    /// - Throws: ``SourceFailure`` if more should have.
    mutating func finish(_ reading: inout SourceReading) throws(SourceFailure) {
        do {
            try decompressor?.finish()
            try decoder.finish(into: &reading.sink)
        } catch {
            throw Self.failure(error)
        }
        try reading.flush()
    }

    private static func failure(_ error: any Error) -> SourceFailure {
        switch error {
        case let error as SourceFailure: error
        case let error as CacheError: SourceFailure(error.message)
        default: SourceFailure("\(error)")
        }
    }
}
