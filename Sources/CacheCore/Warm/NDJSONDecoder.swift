/// Makes items of a source's bytes, in whatever pieces they come. A bad item is counted as failed, and the rest is read.
package protocol ItemDecoder {
    /// Takes in the next bytes.
    ///
    /// - Throws: ``CacheError`` if nothing more can be made of the source.
    mutating func consume(_ piece: UnsafeRawBufferPointer, into sink: inout ItemSink) throws(CacheError)

    /// All bytes have come.
    ///
    /// - Throws: ``CacheError`` if more should have.
    mutating func finish(into sink: inout ItemSink) throws(CacheError)
}

/// Reads items from NDJSON: a line `{"key":…,"value":…}` each, with `ttl` in seconds, `expires_at` in seconds since 1970, or neither. An
/// empty line is passed over. At most one line is held.
package struct NDJSONDecoder: ItemDecoder {
    private var splitter: LineSplitter
    private var reader: ItemReader
    private let limits: EntryLimits

    package init(limits: EntryLimits) {
        self.limits = limits
        // A line holds one key, each byte of which may be escaped as \u00xx, one value, and names and numbers.
        let (sum, overflow) = (limits.maxKeyBytes * 6 + 4096).addingReportingOverflow(limits.maxValueBytes)
        splitter = LineSplitter(maxLineBytes: overflow ? .max : sum)
        reader = ItemReader(limits: limits, allowsExpiresAt: true)
    }

    package mutating func consume(_ piece: UnsafeRawBufferPointer, into sink: inout ItemSink) {
        load(&sink) { splitter, body in splitter.consume(piece, body) }
    }

    package mutating func finish(into sink: inout ItemSink) {
        load(&sink) { splitter, body in splitter.finish(body) }
    }

    /// How many bytes are held of the line whose end has not come.
    package var heldBytes: Int { splitter.heldBytes }

    /// How many lines have been read.
    package var lineCount: Int { splitter.number }

    private mutating func load(
        _ sink: inout ItemSink, _ feed: (inout LineSplitter, (Int, LineSplitter.Line) -> Void) -> Void
    ) {
        // The splitter is taken out while it calls back into this. Moved, not copied: it may hold most of a long line.
        var splitter = LineSplitter(maxLineBytes: 0)
        swap(&splitter, &self.splitter)
        defer { swap(&splitter, &self.splitter) }
        JSONDocumentPool.withDocument { document in
            feed(&splitter) { number, line in
                sink.number = number
                switch line {
                case .tooLong: sink.fail(CacheError(.valueTooLarge, tooLong))
                case .text(let text):
                    do throws(CacheError) {
                        try add(text, &document, &sink)
                    } catch {
                        sink.fail(error)
                    }
                }
            }
        }
    }

    private mutating func add(
        _ text: UnsafeRawBufferPointer, _ document: inout JSONDocument, _ sink: inout ItemSink
    ) throws(CacheError) {
        do throws(JSONSyntaxError) {
            try document.parse(text)
        } catch {
            throw CacheError(.invalidJSON, error.description)
        }
        let item = try reader.read(
            document, document.root, defaultLifetime: sink.defaultLifetime, wallClock: sink.wallClock)
        if item.isExpired { return sink.expire() }
        try withBytes(of: reader.key) { (key) throws(CacheError) in
            try sink.add(
                key, document, item.value, lifetime: item.lifetime, tags: item.tags, isExact: item.hasExpiry)
        }
        if sink.isFull { sink.putIn() }
    }

    private var tooLong: String {
        "the line is longer than a key of \(limits.maxKeyBytes) bytes and a value of \(limits.maxValueBytes) bytes need"
    }
}
