internal import Threading

/// Where the shards of a store get their pages from, and where those go that they have no use for.
///
/// All pages have one size, so any of them serves every purpose: what large values leave behind is taken by small
/// ones, and the other way round. That is what keeps the memory that the process holds near what the store counts, whatever
/// sizes come and go. A few free pages are kept as they are, the rest of them is given back to the system at once.
///
/// The lock is an innermost one: whoever holds it takes no other.
final class PagePool: @unchecked Sendable {
    // Sendable: what changes is under the lock.
    /// Bytes of a page.
    let pageSize: Int
    /// How pages are divided.
    let classes: SizeClasses
    private let state = Locked(State())

    private struct State: ~Copyable {
        /// Free pages that still hold room, at most so many, and free pages that hold none.
        var warm: [UnsafeMutableRawPointer] = []
        var cold: [UnsafeMutableRawPointer] = []
        /// All that was mapped, each of `arenaSize` bytes, and how much of the last was never handed out.
        var arenas: [UnsafeMutableRawPointer] = []
        var untouched = 0
    }

    /// How much is mapped at once: it takes no room before it is handed out.
    private static let arenaSize = 8 << 20
    /// How much room free pages may hold.
    private static let warmBytes = 1 << 20

    /// - Parameter pageSize: Bytes of a page: a power of two, and no less than the system's pages have.
    init(pageSize: Int) {
        self.pageSize = pageSize
        classes = SizeClasses(pageSize: pageSize)
    }

    deinit {
        state.withLock { state in
            for arena in state.arenas { VirtualMemory.unmap(arena, Self.arenaSize) }
        }
    }

    /// A page, with whatever was in it; nil if the system has no memory left.
    ///
    /// - Complexity: O(1) amortized.
    func take() -> UnsafeMutableRawPointer? {
        state.withLock { state in
            if let page = state.warm.popLast() ?? state.cold.popLast() { return page }
            if state.untouched == 0 {
                guard let arena = VirtualMemory.map(Self.arenaSize) else { return nil }
                VirtualMemory.keepSmallPages(arena, Self.arenaSize)
                state.arenas.append(arena)
                state.untouched = Self.arenaSize
            }
            let page = state.arenas[state.arenas.count - 1] + (Self.arenaSize - state.untouched)
            state.untouched -= pageSize
            return page
        }
    }

    /// Takes a page back.
    ///
    /// - Complexity: O(1) amortized, and a system call if many are free.
    func give(_ page: UnsafeMutableRawPointer) {
        let isKept = state.withLock { state in
            guard state.warm.count < Self.warmBytes / pageSize else { return false }
            state.warm.append(page)
            return true
        }
        if isKept { return }
        VirtualMemory.discard(page, pageSize)
        state.withLock { $0.cold.append(page) }
    }
}
