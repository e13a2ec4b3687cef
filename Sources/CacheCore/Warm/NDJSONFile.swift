/// The items of an NDJSON file, a line each: a source to warm a cache from.
///
/// ```swift
/// let report = try await cache.warm(from: NDJSONFile(path: "items.ndjson"))
/// ```
///
/// A line is `{"key":…,"value":…}`, with `ttl` in seconds, `expires_at` in seconds since 1970, or neither; what
/// `GET /export` of the service answers. Empty lines are passed over; a bad line is an item that the cache refuses, so that
/// the report names it and the rest loads.
public struct NDJSONFile: AsyncSequence, Sendable {
    public typealias Element = CacheItem

    private let path: String

    /// - Parameter path: The file's path.
    public init(path: String) { self.path = path }

    public func makeAsyncIterator() -> Iterator { Iterator(path: path) }

    /// Reads the file in pieces of constant size.
    public struct Iterator: AsyncIteratorProtocol {
        private let path: String
        private var file: FileReader?
        private var splitter = LineSplitter(maxLineBytes: Int(Int32.max))
        private var reader = ItemReader(limits: .ofStore, allowsExpiresAt: true)
        private var ready: [CacheItem] = []
        private var next = 0
        private var isAtEnd = false

        private static let pieceBytes = 1 << 18

        init(path: String) { self.path = path }

        /// The next item; nil at the end of the file.
        ///
        /// - Throws: ``CacheError`` with ``CacheError/Code/unreadableSource`` if the file cannot be opened or read.
        public mutating func next() async throws -> CacheItem? {
            while next == ready.count {
                guard !isAtEnd else { return nil }
                try readPiece()
            }
            defer { next += 1 }
            return ready[next]
        }

        private mutating func readPiece() throws {
            let file = try file ?? FileReader(path: path)
            self.file = file
            ready.removeAll(keepingCapacity: true)
            next = 0
            let piece = try file.read(upTo: Self.pieceBytes)
            // Moved, not copied: the splitter may hold most of a long line.
            var splitter = LineSplitter(maxLineBytes: 0)
            swap(&splitter, &self.splitter)
            var items: [CacheItem] = []
            swap(&items, &ready)
            var reader = reader
            let wallClock = CacheClock.monotonic.wallClock()
            JSONDocumentPool.withDocument { document in
                func tell(number: Int, line: LineSplitter.Line) {
                    items.append(Self.item(number, line, &document, &reader, wallClock: wallClock))
                }
                if piece.isEmpty {
                    splitter.finish(tell)
                } else {
                    piece.withUnsafeBytes { splitter.consume($0, tell) }
                }
            }
            (self.splitter, self.reader, ready) = (splitter, reader, items)
            if piece.isEmpty {
                isAtEnd = true
                self.file = nil
            }
        }

        private static func item(
            _ number: Int, _ line: LineSplitter.Line, _ document: inout JSONDocument, _ reader: inout ItemReader,
            wallClock: Int64
        ) -> CacheItem {
            var item = CacheItem(key: "", json: [])
            item.line = number
            guard case .text(let text) = line else {
                item.fault = CacheError(.valueTooLarge, "the line is longer than any entry can be")
                return item
            }
            do throws(JSONSyntaxError) {
                try document.parse(text)
            } catch {
                item.fault = CacheError(.invalidJSON, error.description)
                return item
            }
            do throws(CacheError) {
                let read = try reader.read(document, document.root, defaultLifetime: nil, wallClock: wallClock)
                item.key = String(decoding: reader.key, as: UTF8.self)
                item.json = Array(document.source(of: read.value))
                item.ttl = read.lifetime.map { .nanoseconds($0) }
                item.hasExpiry = read.hasExpiry
                item.isExpired = read.isExpired
            } catch {
                item.fault = error
            }
            return item
        }
    }
}
