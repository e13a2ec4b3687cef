/// Loads items into a cache from NDJSON that arrives in pieces: what `/warm` reads and ``ProductionCache/appendExport(to:prefix:from:byteCount:)`` writes.
///
/// A line that is bad is reported with its number, and the rest loads. Memory is constant: at most one line and one batch of entries are
/// held.
package struct NDJSONLoader: ~Copyable {
    private var decoder: NDJSONDecoder
    private var sink: ItemSink

    package init(cache: ProductionCache, limits: EntryLimits) {
        decoder = NDJSONDecoder(limits: limits)
        sink = ItemSink(into: cache, limits: limits)
    }

    /// A loader of lines that come from before what was changed since ``ShardedStore/beginRestore()``, and give way to it. It puts nothing in:
    /// see ``takeBatch()``.
    ///
    /// - Parameter earliest: What the time of day is not before, whatever the machine says; in nanoseconds since 1970.
    init(restoring cache: ProductionCache, earliest: Int64) {
        decoder = NDJSONDecoder(limits: .ofStore)
        sink = ItemSink(restoring: cache, earliest: earliest)
    }

    /// Takes in the next piece.
    package mutating func consume(_ piece: UnsafeRawBufferPointer) {
        decoder.consume(piece, into: &sink)
        sink.putIn()
    }

    /// Takes in the last line, and tells what became of all.
    package mutating func finish() -> WarmReport {
        decoder.finish(into: &sink)
        return sink.finish()
    }

    /// Takes in the last line, and gives away all entries, to be put in; nil if there is none.
    mutating func takeBatch() -> WriteBatch? {
        decoder.finish(into: &sink)
        return sink.takeBatch()
    }

    /// As ``finish()``, where the rest of the source cannot be read: what came of its last line is passed over, and the report says why.
    package mutating func finish(unreadable error: CacheError) -> WarmReport {
        sink.number = decoder.lineCount + 1
        sink.fail(error)
        return sink.finish()
    }

    /// How many bytes are held of the line whose end has not come.
    package var heldBytes: Int { decoder.heldBytes }

    /// Whether any line has been read.
    package var hasLines: Bool { decoder.lineCount > 0 }
}
