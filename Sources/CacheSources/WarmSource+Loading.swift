public import CacheCore
internal import Threading

extension ProductionCache {
    /// Fills the cache from a source.
    ///
    /// An item that is refused is counted and reported, and the rest loads. The source is read on a thread of its own.
    ///
    /// Memory is constant: 1 MiB of items and one item more are held, which of a database is the longest row, some times.
    ///
    /// - Parameter progress: Told how far it is several times a second and at the end, on that thread.
    /// - Returns: How many items were loaded, refused and found expired, and why.
    /// - Throws: ``CacheError`` with ``CacheError/Code/unreadableSource``, which names the source and the reason; what came before is in
    ///   the cache then. `CancellationError` if the task was cancelled.
    public func warm(
        from source: WarmSource, progress: @escaping @Sendable (WarmProgress) -> Void = { _ in }
    ) async throws -> WarmReport {
        let flag = CancellationFlag()
        let result: Result<WarmReport, CacheError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                BlockingThread.start {
                    do throws(CacheError) {
                        let report = try source.load(
                            into: self, limits: .ofStore, isCancelled: { flag.isSet }, progress: progress)
                        continuation.resume(returning: .success(report))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            }
        } onCancel: {
            flag.set()
        }
        try Task.checkCancellation()
        return try result.get()
    }
}

extension WarmSource {
    /// Fills a cache, which blocks the thread.
    ///
    /// - Parameters:
    ///   - isCancelled: Asked several times a second whether to stop.
    ///   - progress: Told how far it is.
    /// - Throws: ``CacheError`` with ``CacheError/Code/unreadableSource``; what came before is in the cache then.
    package func load(
        into cache: ProductionCache, limits: EntryLimits, isCancelled: @escaping () -> Bool,
        progress: @escaping (WarmProgress) -> Void
    ) throws(CacheError) -> WarmReport {
        try load(into: cache, limits: limits, backoff: Backoff(), isCancelled: isCancelled, progress: progress)
    }

    func load(
        into cache: ProductionCache, limits: EntryLimits, backoff: Backoff, isCancelled: @escaping () -> Bool,
        progress: @escaping (WarmProgress) -> Void
    ) throws(CacheError) -> WarmReport {
        var reading = SourceReading(
            try ItemSink(into: cache, limits: limits, keyPrefix: keyPrefix, ttl: ttl), backoff: backoff,
            isCancelled: isCancelled, tell: progress)
        do throws(SourceFailure) {
            try read(&reading)
        } catch {
            _ = reading.finish()
            throw failure(error)
        }
        return reading.finish()
    }

    /// A failure with the source's name.
    func failure(_ failure: SourceFailure) -> CacheError {
        CacheError(.unreadableSource, "\(self): \(failure.reason)")
    }
}
