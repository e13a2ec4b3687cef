public import CacheCore
internal import Threading

extension WarmSource: AsyncSequence {
    public typealias Element = CacheItem

    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// Hands on the items that a thread of its own reads, some hundreds or 1 MiB of them ahead.
    public struct Iterator: AsyncIteratorProtocol {
        private let source: WarmSource
        private var stream: ItemStream?
        private var items: [CacheItem] = []
        private var next = 0

        fileprivate init(_ source: WarmSource) { self.source = source }

        /// The next item; nil at the end of the source.
        ///
        /// - Throws: ``CacheCore/CacheError`` with `unreadableSource`.
        public mutating func next() async throws -> CacheItem? {
            let stream = stream ?? ItemStream(source)
            self.stream = stream
            while next == items.count {
                guard let more = try await stream.handover.take() else { return nil }
                (items, next) = (more, 0)
            }
            defer { next += 1 }
            return items[next]
        }
    }
}

/// The items of a source that is being read; the reading ends with this.
private final class ItemStream: Sendable {
    let handover = ItemHandover()

    init(_ source: WarmSource) {
        // The thread keeps the handover alone: who reads no more lets the stream go, which ends it.
        BlockingThread.start { [handover] in
            do throws(CacheError) {
                let sink = try ItemSink(keyPrefix: source.keyPrefix, ttl: source.ttl) {
                    (items) throws(CancellationError) in
                    try handover.give(items)
                }
                var reading = SourceReading(
                    sink, backoff: Backoff(), isCancelled: { handover.isClosed }, tell: { _ in })
                do throws(SourceFailure) {
                    try source.read(&reading)
                } catch {
                    throw source.failure(error)
                }
                handover.finish(nil)
            } catch {
                handover.finish(error)
            }
        }
    }

    deinit { handover.close() }
}
