internal import Threading

/// Where blocks of whole pages of the system's come from, and where they go back to; one for the process, because a reader may
/// hold a block longer than its store lives.
///
/// Blocks of up to ``largest`` bytes are cut out of arenas that are never unmapped, so that the system has few mappings to keep, however
/// many blocks go in whatever order. A block has a power of two of pages to itself, of which those behind its last byte are
/// never touched. When it comes back its room goes back to the system at once, and its addresses serve the next block of
/// that size. Larger blocks have mappings of their own, of which there is memory for a few thousand.
///
/// The lock is an innermost one: whoever holds it takes no other.
///
/// Invariants, on which every unsafe access here rests:
/// - All addresses of the arenas are in a block that is handed out, in one that is listed in `free` at its size, or in the rest
///   that was never handed out; no two of these overlap.
/// - What is listed, or was never handed out, holds no room, and reads as zero.
final class BlockPool: @unchecked Sendable {
    // Sendable: what changes is under the lock.
    static let shared = BlockPool()

    private let state = Locked(State())

    private struct State: ~Copyable {
        /// For each power of two of pages, the blocks of that size that are free.
        var free: [[UnsafeMutableRawPointer]] = Array(repeating: [], count: BlockPool.order(of: BlockPool.largest) + 1)
        /// The rest of the last arena.
        var untouched: UnsafeMutableRawPointer?
        var untouchedCount = 0
        var heldBytes = 0
        var arenaCount = 0
    }

    /// Bytes of the largest block that is cut out of an arena.
    static let largest = 1 << 20
    /// How much is reserved at once: it takes no room before it is handed out.
    static let arenaSize = 64 << 20

    /// Bytes of the blocks that are handed out from arenas.
    var heldBytes: Int { state.withLock { $0.heldBytes } }
    /// How many arenas there are.
    var arenaCount: Int { state.withLock { $0.arenaCount } }

    /// A block of `count` bytes, all zero, which is a multiple of the system's pages; nil if the system has none left.
    ///
    /// - Parameter isTouched: Whether all of it will be touched at once; a block up to ``largest`` takes room as a whole in any case.
    /// - Complexity: O(`count`) for what takes room as a whole.
    func take(_ count: Int, isTouched: Bool = true) -> UnsafeMutableRawPointer? {
        guard count <= Self.largest else { return VirtualMemory.map(count, isTouched: isTouched) }
        let order = Self.order(of: count)
        let block: UnsafeMutableRawPointer? = state.withLock { state in
            guard let block = state.free[order].popLast() ?? Self.cut(VirtualMemory.pageSize << order, from: &state)
            else { return nil }
            state.heldBytes += count
            return block
        }
        if let block { VirtualMemory.touch(block, count) }
        return block
    }

    /// Takes back what ``take(_:)`` gave for the same count.
    func give(_ block: UnsafeMutableRawPointer, _ count: Int) {
        guard count <= Self.largest else { return VirtualMemory.unmap(block, count) }
        VirtualMemory.discard(block, count)
        state.withLock { state in
            state.free[Self.order(of: count)].append(block)
            state.heldBytes -= count
        }
    }

    /// A block that was never handed out. What an arena has left that is too little is given up: it is addresses alone.
    private static func cut(_ size: Int, from state: inout State) -> UnsafeMutableRawPointer? {
        if state.untouchedCount < size {
            guard let arena = VirtualMemory.reserve(arenaSize) else { return nil }
            state.untouched = arena
            state.untouchedCount = arenaSize
            state.arenaCount += 1
        }
        state.untouchedCount -= size
        return state.untouched.map { $0 + state.untouchedCount }
    }

    /// The least power of two of pages that has `count` bytes, by its exponent.
    private static func order(of count: Int) -> Int {
        let pages = (count + VirtualMemory.pageSize - 1) / VirtualMemory.pageSize
        return Int.bitWidth - (pages - 1).leadingZeroBitCount
    }
}
