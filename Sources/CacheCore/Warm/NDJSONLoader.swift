/// Loads items into a cache from NDJSON that arrives in pieces: what `/warm` reads and ``ProductionCache/appendExport(to:prefix:from:byteCount:)`` writes.
///
/// A line is `{"key":…,"value":…}`, with `ttl` in seconds, `expires_at` in seconds since 1970, or neither. A line that is
/// bad is reported with its number, and the rest loads; an empty one is passed over. Memory is constant: at most one
/// line and one batch of entries are held.
package struct NDJSONLoader: ~Copyable {
    private let cache: ProductionCache
    private var splitter: LineSplitter
    private var reader: ItemReader
    private let limits: EntryLimits
    private let start: Int64
    private var report = WarmReport()

    /// How many entries are put at once, and how many bytes they have at most, about.
    private static let batchCount = 256
    private static let batchBytes = 1 << 20

    package init(cache: ProductionCache, limits: EntryLimits) {
        self.cache = cache
        self.limits = limits
        // A line holds one key, each byte of which may be escaped as \u00xx, one value, and names and numbers.
        let (sum, overflow) = (limits.maxKeyBytes * 6 + 4096).addingReportingOverflow(limits.maxValueBytes)
        splitter = LineSplitter(maxLineBytes: overflow ? .max : sum)
        reader = ItemReader(limits: limits, allowsExpiresAt: true)
        start = cache.now
    }

    /// Takes in the next piece.
    package mutating func consume(_ piece: UnsafeRawBufferPointer) {
        load { splitter, body in splitter.consume(piece, body) }
    }

    /// Takes in the last line, and tells what became of all.
    package mutating func finish() -> WarmReport {
        load { splitter, body in splitter.finish(body) }
        report.duration = .nanoseconds(cache.now - start)
        return report
    }

    private mutating func load(_ feed: (inout LineSplitter, (Int, LineSplitter.Line) -> Void) -> Void) {
        // The splitter is taken out while it calls back into this loader. Moved, not copied: it may hold most of a long line.
        var splitter = LineSplitter(maxLineBytes: 0)
        swap(&splitter, &self.splitter)
        defer { swap(&splitter, &self.splitter) }
        var batch = PendingBatch(cache: cache)
        JSONDocumentPool.withDocument { document in
            feed(&splitter) { number, line in
                switch line {
                case .tooLong:
                    report.addFailure(line: number, CacheError(.valueTooLarge, tooLong))
                case .text(let text):
                    batch.line = number
                    do throws(CacheError) {
                        try batch.add(text, &document, &reader, &report)
                    } catch {
                        report.addFailure(line: number, error)
                    }
                }
            }
        }
        batch.commit(&report)
    }

    private var tooLong: String {
        "the line is longer than a key of \(limits.maxKeyBytes) bytes and a value of \(limits.maxValueBytes) bytes need"
    }

    /// The entries that are ready to be put.
    private struct PendingBatch: ~Copyable {
        private let cache: ProductionCache
        private var batch: WriteBatch
        private var bytes = 0
        /// The number of the last line.
        var line = 0

        init(cache: ProductionCache) {
            self.cache = cache
            batch = WriteBatch(cache: cache, capacity: NDJSONLoader.batchCount)
        }

        mutating func add(
            _ text: UnsafeRawBufferPointer, _ document: inout JSONDocument, _ reader: inout ItemReader,
            _ report: inout WarmReport
        ) throws(CacheError) {
            do throws(JSONSyntaxError) {
                try document.parse(text)
            } catch {
                throw CacheError(.invalidJSON, error.description)
            }
            let item = try reader.read(
                document, document.root, defaultLifetime: cache.defaultTimeToLive, wallClock: cache.wallClock)
            if item.isExpired {
                report.expired += 1
                return
            }
            try withBytes(of: reader.key) { (key) throws(CacheError) in
                try batch.append(
                    key, document, item.value, lifetime: item.lifetime, tags: item.tags, isExact: item.hasExpiry)
            }
            bytes += text.count
            if batch.count == NDJSONLoader.batchCount || bytes > NDJSONLoader.batchBytes { commit(&report) }
        }

        mutating func commit(_ report: inout WarmReport) {
            var full = WriteBatch(cache: cache, capacity: NDJSONLoader.batchCount)
            swap(&full, &batch)
            bytes = 0
            report.add(full, line: line)
        }
    }
}
