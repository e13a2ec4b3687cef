#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A shard's memory for entries: pages of one size from the store's ``PagePool``, each divided into slots of one of the
/// ``SizeClasses``.
///
/// A slot has a short name in place of an address: where its page is listed, and how many eight bytes into the page it begins. An
/// entry may thus refer to another in four bytes.
///
/// A slab is a handle: all copies of it are the same slab, which lives from ``init(pool:hasRanks:)`` to ``destroy()``. It is
/// changed under its shard's write lock alone.
///
/// Invariants, on which every unsafe access here rests:
/// - `bases[i]` is the address of page *i* while the slab holds it, else nil; no page is listed as 0, so that no slot is named 0.
/// - The slots of a page at or behind `untouched` were never handed out; of those before it, `used` are handed out, and the
///   rest is chained from `firstFree`, by the name of the next in the first four bytes.
/// - A slot says whether it is handed out: an entry's in its flags, a piece's in its place (``SlotLayout``).
/// - A page is on its class's list of pages with room exactly while it has a free slot. A page without any that is handed
///   out goes back to the pool.
struct Slab: Equatable {
    /// What names a slot.
    typealias SlotID = UInt32
    /// Where a page is listed; 0 for none.
    typealias PageIndex = UInt32

    struct Page {
        var classIndex: UInt8 = 0
        var used: UInt16 = 0
        var untouched: UInt16 = 0
        var firstFree: SlotID = 0
        /// The neighbours among the pages of the class that have room; or the next unused place in the list of pages.
        var nextWithRoom: PageIndex = 0
        var previousWithRoom: PageIndex = 0
        // For the shard's timer wheel.
        var due = Int64.max
        var timerNext: PageIndex = 0
        var timerPrevious: PageIndex = 0
        var timerBucket: Int16 = -1
    }

    struct Class {
        var slotSize: Int
        var slotsPerPage: Int
        /// A page with room; 0 if there is none.
        var withRoom: PageIndex = 0
        var freeSlots = 0
    }

    struct State: ~Copyable {
        let pool: PagePool
        let hasher = KeyHasher()
        let geometry: SlabGeometry
        let offsetBits: UInt32
        let offsetMask: UInt32
        var bases: UnsafeMutablePointer<UnsafeMutableRawPointer?>
        var pages: UnsafeMutablePointer<Page>
        var classes: UnsafeMutablePointer<Class>
        /// How many places the list of pages has, and how many were ever used.
        var places = 0
        var placesUsed = 1
        var unusedPlace: PageIndex = 0
        var heldPages = 0
        /// Bytes of large values that stand in blocks of their own.
        var externalBytes = 0
        /// Bytes of the free slots.
        var freeBytes = 0
        /// For each class, a bit that says that its free slots would fill a page, or more: one of its pages could be spared.
        var spare: UInt64 = 0
    }

    let state: UnsafeMutablePointer<State>

    /// - Parameters:
    ///   - pool: Where pages come from.
    ///   - hasRanks: Whether an entry keeps the rank of its last use.
    init(pool: PagePool, hasRanks: Bool) {
        state = .allocate(capacity: 1)
        let offsetBits = UInt32(pool.pageSize.trailingZeroBitCount - 3)
        let classes = UnsafeMutablePointer<Class>.allocate(capacity: pool.classes.count)
        for (index, (size, slots)) in zip(pool.classes.sizes, pool.classes.slotsPerPage).enumerated() {
            (classes + index).initialize(to: Class(slotSize: size, slotsPerPage: slots))
        }
        guard let bases: UnsafeMutablePointer<UnsafeMutableRawPointer?> = Self.list(nil, places: 1),
            let pages: UnsafeMutablePointer<Page> = Self.list(nil, places: 1)
        else { fatalError("memory is exhausted: a store could not be made") }
        state.initialize(
            to: State(
                pool: pool, geometry: SlabGeometry(pool: pool, hasRanks: hasRanks), offsetBits: offsetBits,
                offsetMask: 1 << offsetBits - 1, bases: bases, pages: pages, classes: classes))
        state.pointee.bases.initialize(to: nil)
        state.pointee.pages.initialize(to: Page())
        state.pointee.places = 1
    }

    /// Gives all pages back. Large values must have been let go before.
    func destroy() {
        for index in 1..<state.pointee.placesUsed {
            if let base = state.pointee.bases[index] { state.pointee.pool.give(base) }
        }
        free(state.pointee.bases)
        free(state.pointee.pages)
        state.pointee.classes.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    // MARK: What it takes

    var geometry: SlabGeometry { state.pointee.geometry }
    var hasher: KeyHasher { state.pointee.hasher }

    /// Bytes that are booked for a page: itself, and what is noted of it.
    var pageCost: Int { state.pointee.geometry.pageCost }

    /// Bytes that the slab takes.
    var footprint: Int { state.pointee.heldPages * pageCost + state.pointee.externalBytes }

    // MARK: Slots

    /// The address of a slot.
    @inline(__always)
    func address(_ slot: SlotID) -> UnsafeMutableRawPointer {
        let base = state.pointee.bases[Int(slot >> state.pointee.offsetBits)].unsafelyUnwrapped
        return base + Int(slot & state.pointee.offsetMask) << 3
    }

    @inline(__always)
    func page(of slot: SlotID) -> PageIndex { slot >> state.pointee.offsetBits }

    @inline(__always)
    func page(_ index: PageIndex) -> UnsafeMutablePointer<Page> { state.pointee.pages + Int(index) }

    /// How many pages must come from the pool before an entry of this layout can be had.
    func pagesNeeded(for layout: EntryLayout) -> Int {
        let classes = state.pointee.classes
        var pages = classes[layout.classIndex].freeSlots > 0 ? 0 : 1
        if layout.pieceCount > 0 {
            let pieces = classes + geometry.pieceClass
            let missing = max(0, layout.pieceCount - pieces.pointee.freeSlots)
            pages += (missing + pieces.pointee.slotsPerPage - 1) / pieces.pointee.slotsPerPage
        }
        return pages
    }

    /// Takes the pages that an entry of this layout needs from the pool.
    ///
    /// - Returns: False, with nothing changed, if the system has no memory left.
    func takePages(for layout: EntryLayout) -> Bool {
        if takePages(forSlots: 1, of: layout.classIndex),
            layout.pieceCount == 0 || takePages(forSlots: layout.pieceCount, of: geometry.pieceClass)
        {
            return true
        }
        // What came last stands first in its list. No other page holds nothing.
        for classIndex in [layout.classIndex, geometry.pieceClass] {
            while case let index = state.pointee.classes[classIndex].withRoom, index != 0, page(index).pointee.used == 0
            {
                release(index)
            }
        }
        return false
    }

    private func takePages(forSlots count: Int, of classIndex: Int) -> Bool {
        while state.pointee.classes[classIndex].freeSlots < count {
            guard addPage(classIndex) else { return false }
        }
        return true
    }

    /// Hands out a slot, of which the class should have one (``takePages(for:)``); whoever gets it must mark it at once.
    ///
    /// - Complexity: O(1), and the taking of a page if the class has no free slot.
    func take(_ classIndex: Int) -> SlotID {
        let slots = state.pointee.classes + classIndex
        if slots.pointee.withRoom == 0 {
            let isAdded = addPage(classIndex)
            precondition(
                isAdded, "memory is exhausted: a page of \(state.pointee.pool.pageSize) bytes could not be had")
        }
        let index = slots.pointee.withRoom
        let page = page(index)
        let slot: SlotID
        if page.pointee.firstFree != 0 {
            slot = page.pointee.firstFree
            page.pointee.firstFree = address(slot).load(as: SlotID.self)
        } else {
            slot = index << state.pointee.offsetBits | UInt32(Int(page.pointee.untouched) * slots.pointee.slotSize >> 3)
            page.pointee.untouched += 1
        }
        page.pointee.used += 1
        count(free: -1, of: classIndex)
        if Int(page.pointee.used) == slots.pointee.slotsPerPage { unlink(index) }
        return slot
    }

    /// Takes a slot back, which its owner has marked as free.
    ///
    /// - Returns: Its page, if no slot of it is handed out any more: ``release(_:)`` is to be called then.
    func give(_ slot: SlotID) -> PageIndex? {
        let index = page(of: slot)
        let page = page(index)
        let slots = state.pointee.classes + Int(page.pointee.classIndex)
        address(slot).storeBytes(of: page.pointee.firstFree, as: SlotID.self)
        page.pointee.firstFree = slot
        if Int(page.pointee.used) == slots.pointee.slotsPerPage { link(index) }
        page.pointee.used -= 1
        count(free: 1, of: Int(page.pointee.classIndex))
        return page.pointee.used == 0 ? index : nil
    }

    /// Gives a page back to the pool of which no slot is handed out.
    func release(_ index: PageIndex) {
        let page = page(index)
        precondition(page.pointee.used == 0, "a page goes back with slots that are handed out")
        withdraw(index)
        state.pointee.pool.give(state.pointee.bases[Int(index)].unsafelyUnwrapped)
        state.pointee.bases[Int(index)] = nil
        state.pointee.heldPages -= 1
        page.pointee = Page(nextWithRoom: state.pointee.unusedPlace)
        state.pointee.unusedPlace = index
    }

    /// Calls `body` with each slot of a page that was ever handed out, in order.
    @inline(__always)
    func forEachSlot(of index: PageIndex, _ body: (SlotID) -> Void) {
        let size = state.pointee.classes[Int(page(index).pointee.classIndex)].slotSize
        let first = index << state.pointee.offsetBits
        for place in 0..<Int(page(index).pointee.untouched) { body(first | UInt32(place * size >> 3)) }
    }

    // MARK: Closing ranks

    /// A class of which a page could be spared: its other pages have room for what is in it.
    var classWithSparePage: Int? {
        state.pointee.spare == 0 ? nil : state.pointee.spare.trailingZeroBitCount
    }

    @inline(__always)
    private func count(free change: Int, of classIndex: Int) {
        let slots = state.pointee.classes + classIndex
        slots.pointee.freeSlots += change
        state.pointee.freeBytes += change * slots.pointee.slotSize
        let bit: UInt64 = 1 << UInt64(classIndex)
        if slots.pointee.freeSlots >= slots.pointee.slotsPerPage {
            state.pointee.spare |= bit
        } else {
            state.pointee.spare &= ~bit
        }
    }

    /// Whether so much of the slab is free that it is worth while to move entries.
    var isMostlyFree: Bool {
        state.pointee.freeBytes > state.pointee.heldPages * state.pointee.pool.pageSize / Self.worthwhileShare
    }

    private static let worthwhileShare = 8

    /// Of some pages of a class that have room, the one with the fewest slots handed out. It is taken off the list of those with
    /// room, so that nothing more is put into it: all that is in it is to move, and then it is to be released.
    func withdrawEmptiest(_ classIndex: Int) -> PageIndex? {
        var emptiest: PageIndex = 0
        var index = state.pointee.classes[classIndex].withRoom
        var looks = 0
        while index != 0, looks < Self.looksForEmptiest {
            if emptiest == 0 || page(index).pointee.used < page(emptiest).pointee.used { emptiest = index }
            index = page(index).pointee.nextWithRoom
            looks += 1
        }
        guard emptiest != 0 else { return nil }
        withdraw(emptiest)
        return emptiest
    }

    private static let looksForEmptiest = 64

    /// Takes a page with room off the list of its class, with its free slots.
    private func withdraw(_ index: PageIndex) {
        let page = page(index)
        let slots = state.pointee.classes + Int(page.pointee.classIndex)
        // A page that was withdrawn before is on no list, and its free slots are not counted.
        guard slots.pointee.withRoom == index || page.pointee.previousWithRoom != 0 else { return }
        let free = slots.pointee.slotsPerPage - Int(page.pointee.used)
        unlink(index)
        count(free: -free, of: Int(page.pointee.classIndex))
    }

    /// Notes that a slot of a page that was withdrawn has moved elsewhere.
    func vacate(_ slot: SlotID) { page(page(of: slot)).pointee.used -= 1 }

    // MARK: Pages

    /// - Returns: False, with nothing changed, if the system has no memory left.
    private func addPage(_ classIndex: Int) -> Bool {
        var index = state.pointee.unusedPlace
        if index == 0, state.pointee.placesUsed == state.pointee.places {
            guard growList(to: state.pointee.places * 2) else { return false }
        }
        guard let base = state.pointee.pool.take() else { return false }
        if index != 0 {
            state.pointee.unusedPlace = page(index).pointee.nextWithRoom
        } else {
            index = PageIndex(state.pointee.placesUsed)
            precondition(
                index < 1 << (32 - state.pointee.offsetBits), "a shard can hold no more than 2³² slots of eight bytes")
            state.pointee.placesUsed += 1
        }
        state.pointee.bases[Int(index)] = base
        page(index).initialize(to: Page(classIndex: UInt8(classIndex)))
        state.pointee.heldPages += 1
        count(free: state.pointee.classes[classIndex].slotsPerPage, of: classIndex)
        link(index)
        return true
    }

    private func link(_ index: PageIndex) {
        let slots = state.pointee.classes + Int(page(index).pointee.classIndex)
        page(index).pointee.nextWithRoom = slots.pointee.withRoom
        page(index).pointee.previousWithRoom = 0
        if slots.pointee.withRoom != 0 { page(slots.pointee.withRoom).pointee.previousWithRoom = index }
        slots.pointee.withRoom = index
    }

    private func unlink(_ index: PageIndex) {
        let slots = state.pointee.classes + Int(page(index).pointee.classIndex)
        let (next, previous) = (page(index).pointee.nextWithRoom, page(index).pointee.previousWithRoom)
        if previous != 0 { page(previous).pointee.nextWithRoom = next } else { slots.pointee.withRoom = next }
        if next != 0 { page(next).pointee.previousWithRoom = previous }
        page(index).pointee.nextWithRoom = 0
        page(index).pointee.previousWithRoom = 0
    }

    private func growList(to places: Int) -> Bool {
        let old = state.pointee.places
        guard let bases = Self.list(state.pointee.bases, places: places) else { return false }
        state.pointee.bases = bases
        guard let pages = Self.list(state.pointee.pages, places: places) else { return false }
        state.pointee.pages = pages
        (state.pointee.bases + old).initialize(repeating: nil, count: places - old)
        (state.pointee.pages + old).initialize(repeating: Page(), count: places - old)
        state.pointee.places = places
        return true
    }

    /// A list with another number of places, of which as many as there were hold what they held; nil if the system has no memory
    /// left, with the old list as it was.
    private static func list<Element: BitwiseCopyable>(
        _ old: UnsafeMutablePointer<Element>?, places: Int
    ) -> UnsafeMutablePointer<Element>? {
        realloc(old, places * MemoryLayout<Element>.stride)?.bindMemory(to: Element.self, capacity: places)
    }
}
