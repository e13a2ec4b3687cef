internal import Synchronization
internal import Threading

/// Where the shards of a store get their pages from, and where those go that they have no use for.
///
/// All pages have one size, so any of them serves every purpose: what large values leave behind is taken by small
/// ones, and the other way round. That is what keeps the memory that the process holds near what the store counts, whatever
/// sizes come and go. A few free pages are kept as they are; what is more gives its room back to the system when ``trim()`` is called,
/// which whoever gives pages back does as soon as it holds no lock: the system may take its time.
///
/// The lock is an innermost one: whoever holds it takes no other.
final class PagePool: @unchecked Sendable {
    // Sendable: what changes is under the lock.
    /// Bytes of a page.
    let pageSize: Int
    /// How pages are divided.
    let classes: SizeClasses
    private let state = Locked(State())
    /// How many free pages may hold room, and how many do.
    private let mostWarm: Int
    private let warmCount = Atomic<Int>(0)

    private struct State: ~Copyable {
        /// Free pages that still hold room, and free pages that hold none.
        var warm: [UnsafeMutableRawPointer] = []
        var cold: [UnsafeMutableRawPointer] = []
        /// All that was mapped, each of `arenaSize` bytes, and how much of the last was never handed out.
        var arenas: [UnsafeMutableRawPointer] = []
        var untouched = 0
    }

    /// How much is mapped at once: it takes no room before it is handed out.
    private static let arenaSize = 8 << 20
    /// How much room free pages may hold, and which share of all memory.
    private static let warmBytes = 1 << 20
    private static let warmShare = 64

    /// - Parameters:
    ///   - pageSize: Bytes of a page: a power of two, and no less than the system's pages have.
    ///   - memoryLimit: How much memory those may hold that take the pages; nil without a limit.
    init(pageSize: Int, memoryLimit: Int? = nil) {
        self.pageSize = pageSize
        mostWarm = min(Self.warmBytes, (memoryLimit ?? .max) / Self.warmShare) / pageSize
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
            if let page = state.warm.popLast() {
                warmCount.store(state.warm.count, ordering: .relaxed)
                return page
            }
            if let page = state.cold.popLast() { return page }
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

    /// Takes a page back, as it is.
    ///
    /// - Complexity: O(1) amortized.
    func give(_ page: UnsafeMutableRawPointer) {
        state.withLock { state in
            state.warm.append(page)
            warmCount.store(state.warm.count, ordering: .relaxed)
        }
    }

    /// Gives room of free pages back to the system if too many hold some. To be called without a lock.
    ///
    /// - Complexity: O(1), and a system call for each run of pages that are neighbours, where there are too many.
    @inline(__always)
    func trim() {
        if warmCount.load(ordering: .relaxed) > mostWarm { discardSurplus() }
    }

    /// Half of what may be kept is kept, so that not every page that comes is one too many.
    private func discardSurplus() {
        var surplus: [UnsafeMutableRawPointer] = state.withLock { state in
            guard state.warm.count > mostWarm else { return [] }
            let kept = mostWarm / 2
            defer {
                state.warm.removeLast(state.warm.count - kept)
                warmCount.store(kept, ordering: .relaxed)
            }
            return Array(state.warm[kept...])
        }
        guard !surplus.isEmpty else { return }
        surplus.sort()
        var start = 0
        for end in 1...surplus.count where end == surplus.count || surplus[end] != surplus[end - 1] + pageSize {
            VirtualMemory.discard(surplus[start], (end - start) * pageSize)
            start = end
        }
        state.withLock { $0.cold.append(contentsOf: surplus) }
    }

    /// Bytes that free pages hold.
    var warmBytes: Int { state.withLock { $0.warm.count * pageSize } }
}
