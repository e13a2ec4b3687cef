internal import CacheCore

/// Reads items from rows: the first row names the columns, of which `key`, `value` or `json`, and `ttl` are looked at.
///
/// A `value` is a text, and becomes a JSON string; what is in a column `json` in its place is JSON already.
struct CSVDecoder: ItemDecoder {
    private var reader: CSVReader
    /// Which of so many columns is what; nil before the first row.
    private var header: (columns: ItemColumns, count: Int)?
    private var text = ItemText()

    init(limits: EntryLimits) {
        let (sum, overflow) = (limits.maxKeyBytes + limits.maxValueBytes).addingReportingOverflow(64 << 10)
        reader = CSVReader(maxRowBytes: overflow ? .max : sum)
    }

    mutating func consume(_ piece: UnsafeRawBufferPointer, into sink: inout ItemSink) throws(CacheError) {
        try load(&sink) { reader, body in reader.consume(piece, body) }
    }

    mutating func finish(into sink: inout ItemSink) throws(CacheError) {
        try load(&sink) { reader, body in reader.finish(body) }
        guard header != nil else { throw CacheError(.invalidBody, "it is empty; its first row must name the columns") }
    }

    private mutating func load(
        _ sink: inout ItemSink, _ feed: (inout CSVReader, (CSVReader.Row) -> Void) -> Void
    ) throws(CacheError) {
        // Moved, not copied, while it calls back into this.
        var reader = CSVReader(maxRowBytes: 0)
        swap(&reader, &self.reader)
        defer { swap(&reader, &self.reader) }
        var fault: CacheError?
        JSONDocumentPool.withDocument { document in
            feed(&reader) { row in
                guard fault == nil else { return }
                do throws(CacheError) {
                    try take(row, &sink, &document)
                } catch {
                    fault = error
                }
            }
        }
        if let fault { throw fault }
    }

    private mutating func take(
        _ row: CSVReader.Row, _ sink: inout ItemSink, _ document: inout JSONDocument
    ) throws(CacheError) {
        guard let (columns, columnCount) = header else {
            let names = try Self.names(in: row)
            header = (try ItemColumns(names), names.count)
            return
        }
        sink.number += 1
        guard case .fields(let bytes, let ends) = row else {
            guard case .malformed(let reason) = row else { return }
            return sink.fail(CacheError(.invalidBody, "the row is not CSV: \(reason)"))
        }
        guard ends.count == columnCount else {
            return sink.fail(
                CacheError(.invalidBody, "the row has \(ends.count) fields; the first row has \(columnCount)"))
        }
        withBytes(of: bytes) { bytes in
            func field(_ index: Int) -> UnsafeRawBufferPointer {
                UnsafeRawBufferPointer(rebasing: bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]])
            }
            var lifetime = ItemLifetime.unsaid
            if let ttl = columns.ttl, !field(ttl).isEmpty {
                guard let seconds = ItemLifetime(seconds: field(ttl)) else { return sink.fail(.invalidTTL(field(ttl))) }
                lifetime = seconds
            }
            text.removeAll()
            if columns.isJSON {
                text.append(raw: field(columns.value))
            } else {
                text.append(string: field(columns.value))
            }
            sink.add(field(columns.key), &text, ttl: lifetime, &document)
        }
        if sink.isFull { sink.putIn() }
    }

    /// What the first row says.
    private static func names(in row: CSVReader.Row) throws(CacheError) -> [String] {
        guard case .fields(let bytes, let ends) = row else {
            throw CacheError(.invalidBody, "its first row, which must name the columns, is not CSV")
        }
        var names: [String] = []
        for (index, end) in ends.enumerated() {
            names.append(String(decoding: bytes[(index == 0 ? 0 : ends[index - 1])..<end], as: UTF8.self))
        }
        // Some programs begin a text with a byte order mark.
        if let first = names.first, first.unicodeScalars.first == "\u{FEFF}" {
            names[0] = String(first.unicodeScalars.dropFirst())
        }
        return names
    }
}
