internal import CacheCore
internal import Compression

/// A file of items, in a format and perhaps compressed: by what its name ends in.
struct FileSource {
    /// How items are written.
    enum Format: Equatable {
        /// A line `{"key":…,"value":…}` each.
        case ndjson
        /// One object of keys and values.
        case object
        /// Rows, the first of which names the columns.
        case csv

        func decoder(_ limits: EntryLimits) -> any ItemDecoder {
            switch self {
            case .ndjson: NDJSONDecoder(limits: limits)
            case .object: ObjectDecoder(limits: limits)
            case .csv: CSVDecoder(limits: limits)
            }
        }
    }

    let path: String
    let format: Format
    /// nil for none.
    let compression: CompressionFormat?

    private static let pieceBytes = 1 << 18

    /// By what the path ends in: `.zst` or `.gz` for compression, before which `.json` is one object, `.csv` are rows, and anything else is
    /// NDJSON.
    init(path: String) {
        self.path = path
        var name = path.lowercased()
        if name.hasSuffix(".zst") || name.hasSuffix(".zstd") {
            compression = .zstd
        } else {
            compression = name.hasSuffix(".gz") ? .gzip : nil
        }
        if compression != nil, let dot = name.lastIndex(of: ".") { name = String(name[..<dot]) }
        format = name.hasSuffix(".csv") ? .csv : name.hasSuffix(".json") ? .object : .ndjson
    }

    func read(_ reading: inout SourceReading) throws(SourceFailure) {
        let file: FileReader
        do throws(CacheError) {
            file = try FileReader(path: path)
        } catch {
            throw SourceFailure(error.message)
        }
        var input = DecodedInput(format.decoder(reading.sink.limits), try Self.decompressor(compression))
        reading.progress.bytesTotal = file.size
        reading.progress.bytesDone = 0
        while true {
            let piece: [UInt8]
            do throws(CacheError) {
                piece = try file.read(upTo: Self.pieceBytes)
            } catch {
                throw SourceFailure(error.message)
            }
            guard !piece.isEmpty else { break }
            try withBytes(of: piece) { (bytes) throws(SourceFailure) in try input.take(bytes, &reading) }
            reading.progress.bytesDone = (reading.progress.bytesDone ?? 0) + piece.count
            try reading.flush()
        }
        try input.finish(&reading)
    }

    /// - Parameter compression: nil for none.
    static func decompressor(_ compression: CompressionFormat?) throws(SourceFailure) -> Decompressor? {
        guard let compression else { return nil }
        guard let decompressor = Decompressor(compression) else {
            throw SourceFailure("there is no memory to decompress it")
        }
        return decompressor
    }
}
