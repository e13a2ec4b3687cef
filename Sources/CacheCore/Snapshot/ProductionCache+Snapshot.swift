internal import Compression
internal import Threading

extension ProductionCache {
    /// Writes all live entries to a file, from which ``restoreSnapshot(from:progress:)`` loads them: NDJSON as `GET /export` answers,
    /// compressed by zstd.
    ///
    /// The file appears as a whole, in the place of one that is there: until then it is written beside it, with `.partial` behind its
    /// name. Entries that are written meanwhile may be in it or not.
    ///
    /// - Parameters:
    ///   - path: Where.
    ///   - isPatient: Asked again and again whether other threads' work comes first now: a busy program keeps its response times then, and
    ///     where it leaves no processor idle the snapshot makes next to no progress, so there should be an end to it. By default it is done
    ///     as other work is.
    /// - Returns: How many entries there are in it.
    /// - Throws: ``CacheError`` with ``CacheError/Code/snapshotFailed``; a file that is there stays as it is then.
    /// - Complexity: O(*n* log *n*) for *n* entries; it takes some 50 MiB of memory at most, blocks the calling thread, and others no
    ///   longer than a read does.
    @discardableResult
    public func writeSnapshot(
        to path: String, givingWayWhile isPatient: @escaping () -> Bool = { false }
    ) throws(CacheError) -> SnapshotReport {
        let start = now
        let idle = IdlePriority(while: isPatient)
        // Of its own: the pool of those has a lock that requests take.
        guard var compressor = Compressor(.zstd) else {
            throw CacheError(.snapshotFailed, "cannot write \(path): there is no memory to compress it")
        }
        let file = try FileWriter(path: path)
        var report = SnapshotReport()
        try file.write(ZstdFrames.note(SnapshotFormat.beginMark(nanosecondsSince1970: wallClock)))
        var lines: [UInt8] = []
        func writeFrame() throws(CacheError) {
            guard !lines.isEmpty else { return }
            let frame = idle.run { lines.withUnsafeBytes { compressor.compress($0) } }
            lines.removeAll(keepingCapacity: true)
            try file.write(frame)
        }
        if let hashes = store.hashesByUse(atMost: SnapshotFormat.mostOrdered, idle) {
            let offset = wallClock - now
            for hash in hashes {
                guard let entry = store.export(hash: hash) else { continue }
                lines.append(entry, offset: offset)
                entry.value.release()
                report.entries += 1
                if report.entries.isMultiple(of: SnapshotFormat.entriesAtOnce) { idle.pause() }
                if lines.count >= SnapshotFormat.frameBytes { try writeFrame() }
            }
        } else {
            var cursor: ListingCursor?
            repeat {
                let noPrefix = UnsafeRawBufferPointer(start: nil, count: 0)
                let start = lines.count
                cursor = try appendExport(
                    to: &lines, prefix: noPrefix, after: cursor, byteCount: SnapshotFormat.bytesAtOnce)
                report.entries += idle.run { lines[start...].count { $0 == UInt8(ascii: "\n") } }
                if lines.count >= SnapshotFormat.frameBytes { try writeFrame() }
            } while cursor != nil
        }
        try writeFrame()
        try file.write(ZstdFrames.note(SnapshotFormat.endMark))
        try file.commit()
        report.bytes = file.count
        report.duration = .nanoseconds(now - start)
        return report
    }

    /// Loads a snapshot that ``writeSnapshot(to:)`` wrote: the entries that have not expired, with the expiry that they had.
    ///
    /// Where not all have room, the last in the file stay: with ``EvictionPolicy/lru`` exactly those that were used last, in that order. With
    /// other policies the file has those last that were stored last, and most of what stays is of them. A file of more than two million
    /// entries is in no order.
    ///
    /// What is there already stays, and so does what others write and remove meanwhile: a snapshot is older. Where more than a million
    /// keys are changed while it is loaded, some of it may be passed over that was not.
    ///
    /// Of a file that is damaged, what is whole is loaded; the file is renamed to end in `.damaged`, for somebody to look at, and the
    /// report says what is wrong.
    ///
    /// - Parameters:
    ///   - path: Where.
    ///   - progress: Told how far it is, on any thread.
    /// - Returns: What was loaded; nil if there is no such file.
    /// - Throws: ``CacheError`` with ``CacheError/Code/unreadableSource`` if it cannot be read: for want of a permission, of files that may be
    ///   open, or because a disk fails. What came before is in the cache then, and the file stays as it is. It may be a good one: write none
    ///   over it.
    /// - Complexity: O(*n*); it uses all processors, and blocks the calling thread.
    public func restoreSnapshot(
        from path: String, progress: @escaping @Sendable (RestoreProgress) -> Void = { _ in }
    ) throws(CacheError) -> RestoreReport? {
        guard let reader = try SnapshotReader(path: path) else { return nil }
        return try reader.load(into: self, progress)
    }

    /// Has what is changed be noted from now on, until ``endRestore()``: a snapshot that is restored later is older than that.
    package func beginRestore() { store.beginRestore() }
    package func endRestore() { store.endRestore() }
}

/// How far the loading of a snapshot is.
public struct RestoreProgress: Sendable, Equatable {
    /// Bytes of the file that are done, and that it has.
    public var bytesDone: Int
    public var bytesTotal: Int
    /// Entries that are in the cache.
    public var loaded: Int

    public init(bytesDone: Int = 0, bytesTotal: Int = 0, loaded: Int = 0) {
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
        self.loaded = loaded
    }
}
