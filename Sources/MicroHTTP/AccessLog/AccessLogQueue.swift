internal import Synchronization
internal import Threading

/// Lines on their way from one thread of a server, which fills memory, to the log's thread, which empties it.
///
/// The two meet at a lock when a chunk is full; else the first only says how far it has come.
///
/// Invariants: `room()` and `publish(upTo:)` are called by one thread at a time, `take()` and `taken(_:)` by another one. A
/// chunk's bytes up to its `published` are whole lines, which do not change until the second thread has given the chunk back; those
/// behind it belong to the first.
final class AccessLogQueue: @unchecked Sendable {
    /// What was published and is to be written.
    struct Piece {
        fileprivate let chunk: Chunk
        fileprivate let end: Int
        /// No line will be added to the chunk.
        fileprivate let isLast: Bool
        /// Valid until ``AccessLogQueue/taken(_:)``.
        let bytes: UnsafeRawBufferPointer
    }

    fileprivate final class Chunk: @unchecked Sendable {
        // Sendable: who may use which of its bytes is the queue's affair.
        /// What is written to a file at once. Of 64 KiB, each byte cost a third more: the system's pages are larger.
        static let byteCount = 256 << 10
        // Allocated from init to deinit.
        let start = UnsafeMutableRawPointer.allocate(byteCount: Chunk.byteCount, alignment: 64)
        /// Where the last whole line ends.
        let published = Atomic(0)

        deinit { start.deallocate() }
    }

    private struct Chunks: Sendable {
        /// Those that no line will be added to, the oldest first.
        var full: [Chunk] = []
        /// The one that lines are added to.
        var current: Chunk
        /// How much of the oldest of all was taken.
        var taken = 0
        var spare: [Chunk] = []
    }

    /// Chunks that are kept for lines to come: most threads never need more at a time.
    private static let mostSpare = 2

    private let chunks: Locked<Chunks>
    private let mostChunks: Int
    private let onFull: @Sendable () -> Void
    private let dropped = Atomic(0)

    // The filling thread's own.
    @exclusivity(unchecked) private var chunk: Chunk
    @exclusivity(unchecked) private var end: UnsafeMutableRawPointer
    @exclusivity(unchecked) private var roomEnd: UnsafeMutableRawPointer

    /// - Parameters:
    ///   - mostBytes: How much memory the lines may take; there is always room for two chunks.
    ///   - onFull: Called by the filling thread when a chunk is full.
    init(mostBytes: Int, onFull: @escaping @Sendable () -> Void) {
        let first = Chunk()
        chunks = Locked(Chunks(current: first))
        mostChunks = max(2, mostBytes / Chunk.byteCount)
        self.onFull = onFull
        chunk = first
        end = first.start
        roomEnd = first.start + (Chunk.byteCount - Self.lineRoom)
    }

    /// What a line needs.
    private static let lineRoom = AccessLogLines.mostBytes + LineCursor.overrun

    /// How many lines had no room.
    var droppedLines: Int { dropped.load(ordering: .relaxed) }

    // MARK: Filling

    /// Room for the longest line; nil if there is none, and then a line is counted as dropped.
    @inline(__always)
    func room() -> UnsafeMutableRawPointer? { end <= roomEnd ? end : nextRoom() }

    /// Hands on a line that was written from ``room()`` on.
    @inline(__always)
    func publish(upTo end: UnsafeMutableRawPointer) {
        self.end = end
        chunk.published.store(end - chunk.start, ordering: .releasing)
    }

    @inline(never)
    private func nextRoom() -> UnsafeMutableRawPointer? {
        let isNew = chunks.withLock { chunks in
            guard chunks.full.count + 1 < mostChunks else { return false }
            chunks.full.append(chunks.current)
            chunks.current = chunks.spare.popLast() ?? Chunk()
            chunks.current.published.store(0, ordering: .relaxed)
            chunk = chunks.current
            return true
        }
        guard isNew else {
            dropped.wrappingAdd(1, ordering: .relaxed)
            return nil
        }
        end = chunk.start
        roomEnd = chunk.start + (Chunk.byteCount - Self.lineRoom)
        onFull()
        return end
    }

    // MARK: Emptying

    /// The oldest lines that were not taken yet; nil if there are none.
    func take() -> Piece? {
        chunks.withLock { chunks in
            while true {
                let chunk = chunks.full.first ?? chunks.current
                let end = chunk.published.load(ordering: .acquiring)
                if end > chunks.taken {
                    let bytes = UnsafeRawBufferPointer(start: chunk.start + chunks.taken, count: end - chunks.taken)
                    return Piece(chunk: chunk, end: end, isLast: !chunks.full.isEmpty, bytes: bytes)
                }
                guard !chunks.full.isEmpty else { return nil }
                Self.giveBack(&chunks)
            }
        }
    }

    /// Notes that the lines of a piece are done with.
    func taken(_ piece: Piece) {
        chunks.withLock { chunks in
            chunks.taken = piece.end
            if piece.isLast { Self.giveBack(&chunks) }
        }
    }

    private static func giveBack(_ chunks: inout Chunks) {
        let chunk = chunks.full.removeFirst()
        chunks.taken = 0
        if chunks.spare.count < mostSpare { chunks.spare.append(chunk) }
    }
}
