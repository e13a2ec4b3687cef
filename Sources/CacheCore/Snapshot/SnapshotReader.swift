internal import Compression
internal import Foundation

#if canImport(Glibc)
    internal import Glibc
#endif

/// Reads a snapshot, some frames at a time, which are loaded together: see ``SnapshotFrames``.
final class SnapshotReader {
    private let path: String
    private let file: FileReader
    private let bytesTotal: Int
    /// What was read and is in no frame yet.
    private var rest: [UInt8] = []
    private var bytesDone = 0
    private var isAtEnd = false
    private var hasEndMark = false
    private var damages: [String] = []
    /// When it was written, in nanoseconds since 1970, as far as it tells.
    private var written: Int64 = .min

    private static let pieceBytes = 1 << 20

    /// - Returns: nil if there is no such file.
    /// - Throws: ``CacheError`` with ``CacheError/Code/unreadableSource``.
    init?(path: String) throws(CacheError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw CacheError(.unreadableSource, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CacheError(.unreadableSource, "\(path) is no regular file; a snapshot is")
        }
        self.path = path
        file = try FileReader(path: path)
        bytesTotal = Int(status.st_size)
    }

    func load(
        into cache: ProductionCache, _ progress: @Sendable (RestoreProgress) -> Void
    ) throws(CacheError) -> RestoreReport {
        let start = cache.now
        cache.beginRestore()
        defer { cache.endRestore() }
        var report = RestoreReport()
        let width = ProcessInfo.processInfo.activeProcessorCount
        while true {
            let frames = try nextFrames(atMost: width * 2)
            guard !frames.isEmpty else { break }
            let loaded = SnapshotFrames.load(frames, into: cache, earliest: written)
            report.add(loaded.report)
            damages += loaded.faults
            bytesDone += frames.reduce(0) { $0 + $1.count }
            progress(RestoreProgress(bytesDone: bytesDone, bytesTotal: bytesTotal, loaded: report.loaded))
        }
        if damages.isEmpty, !hasEndMark { damages.append("its end is missing") }
        if let first = damages.first {
            let others = damages.count > 1 ? "; \(damages.count - 1) more parts are damaged" : ""
            report.damage = "\(first)\(others)"
            report.keptAs = SnapshotFormat.keepAside(path)
        }
        report.duration = .nanoseconds(cache.now - start)
        return report
    }

    /// The next frames that have lines, whole; none at the end, or where the file is no snapshot any more.
    private func nextFrames(atMost most: Int) throws(CacheError) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        var start = 0
        reading: while frames.count < most {
            switch rest.withUnsafeBytes({ ZstdFrames.find(UnsafeRawBufferPointer(rebasing: $0[start...])) }) {
            case .data(let count):
                frames.append(Array(rest[start..<start + count]))
                start += count
            case .note(let count, let contentCount):
                let content = rest[(start + count - contentCount)..<(start + count)]
                if content.elementsEqual(SnapshotFormat.endMark) {
                    hasEndMark = true
                } else if let time = SnapshotFormat.time(ofBeginMark: content) {
                    written = time
                } else {
                    damages.append("what is said \(bytesDone + start) bytes from its start is not understood")
                }
                start += count
            case .incomplete:
                rest.removeFirst(start)
                start = 0
                guard !isAtEnd else {
                    if !rest.isEmpty { damages.append("it ends in the midst") }
                    rest = []
                    break reading
                }
                let piece = try file.read(upTo: Self.pieceBytes)
                isAtEnd = piece.isEmpty
                rest += piece
            case .none:
                damages.append("what is there \(bytesDone + start) bytes from its start is not zstd")
                // Nothing tells where the next frame would be.
                rest = []
                start = 0
                isAtEnd = true
                break reading
            }
        }
        rest.removeFirst(start)
        return frames
    }
}
