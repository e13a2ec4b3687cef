internal import Compression
internal import Dispatch
internal import Threading

/// Loads some frames of a snapshot: they are decompressed and read side by side, and put in one after another, in the order in which they
/// are in the file, so that those stay that come last where not all have room.
///
/// Whoever has read a frame puts in what is next, if it has been read and nobody is at it; so none waits for another.
final class SnapshotFrames: Sendable {
    /// What was made of a frame.
    private final class Content {
        /// nil if it has no entries, or they are in.
        var batch: WriteBatch?
        var report = RestoreReport()
        var fault: String?

        init(fault: String? = nil) { self.fault = fault }

        func putIn() {
            guard let batch = batch.take() else { return }
            let count = batch.count
            let (refused, superseded) = batch.restoreWhatFits()
            report.loaded = count - refused - superseded
            report.failed += refused
            report.superseded = superseded
        }
    }

    private struct Turns {
        /// nil for those that have not been read.
        var contents: [Content?]
        /// The first that has not been put in, nor is being.
        var next = 0
        var isBusy = false

        /// What is to be put in now, by who asks.
        mutating func take() -> Content? {
            guard !isBusy, next < contents.count, let content = contents[next] else { return nil }
            next += 1
            isBusy = true
            return content
        }
    }

    private let turns: Locked<Turns>

    private init(count: Int) {
        turns = Locked(Turns(contents: [Content?](repeating: nil, count: count)))
    }

    /// - Returns: What became of all, and what is wrong with those that are damaged, in their order.
    static func load(
        _ frames: [[UInt8]], into cache: ProductionCache, earliest: Int64
    ) -> (report: RestoreReport, faults: [String]) {
        let loading = SnapshotFrames(count: frames.count)
        DispatchQueue.concurrentPerform(iterations: frames.count) { index in
            loading.add(read(frames[index], for: cache, earliest: earliest), at: index)
        }
        return loading.turns.withLock { turns in
            var report = RestoreReport()
            for content in turns.contents { content.map { report.add($0.report) } }
            return (report, turns.contents.compactMap { $0?.fault })
        }
    }

    /// Adds what was read, and puts in what can be.
    private func add(_ content: Content, at index: Int) {
        var next = turns.withLock { turns in
            turns.contents[index] = content
            return turns.take()
        }
        while let content = next {
            content.putIn()
            next = turns.withLock { turns in
                turns.isBusy = false
                return turns.take()
            }
        }
    }

    /// Nothing of a frame is read before its checksum has been seen to be right: damage can make other lines of its lines.
    private static func read(_ frame: [UInt8], for cache: ProductionCache, earliest: Int64) -> Content {
        guard var decompressor = Decompressor(.zstd) else {
            return Content(fault: "there is no memory to decompress it")
        }
        // As long as it says. Without damage it is that, and nothing grows beyond it.
        let count = frame.withUnsafeBytes { ZstdFrames.contentCount($0) } ?? 0
        var lines: [UInt8] = []
        do throws(CompressedDataError) {
            let isWhole = try withBytes(of: frame) { (bytes) throws(CompressedDataError) in
                try decompressor.append(bytes) {
                    guard lines.count + $0.count <= count else { return false }
                    lines += $0
                    return true
                }
            }
            guard isWhole else { return Content(fault: "a part has more than it says") }
            try decompressor.finish()
        } catch {
            return Content(fault: error.description)
        }
        var loader = NDJSONLoader(restoring: cache, earliest: earliest)
        lines.withUnsafeBytes { loader.consume($0) }
        let content = Content()
        content.batch = loader.takeBatch()
        let report = loader.finish()
        content.report.failed = report.failed
        content.report.expired = report.expired
        return content
    }
}
