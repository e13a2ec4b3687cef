#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// An entry of the store: a slot of a shard's slab, with what is known of the entry, key and value.
///
/// Small entries are whole in their slot. A value too large for one goes on in slots that hold pieces of it, all of
/// one size, so that what it leaves behind fits the next. A still larger one stands in a ``ValueBlock`` of its own, by whole pages
/// of the system's. Readers are given copies, which take less time than the two atomic additions of a reference would cost
/// where many read the same; only the blocks are lent.
///
/// Invariants, on which every unsafe access here rests:
/// - An entry's slot and those of its pieces are handed out from ``make(_:layout:in:)`` to ``free()``, under the shard's write lock;
///   so whoever holds the shard's lock may read it, and nobody may refer to it longer.
/// - It is written under the shard's write lock alone.
/// - The entry owns one reference to its block outside.
struct Entry: EvictionNode {
    let slab: Slab
    /// The name of the entry's slot; another one when the entry moves.
    let slot: Slab.SlotID

    /// The expiry of an entry that has none.
    static let never = Int64.max

    static let maximumKeyCount = Int(UInt16.max)
    static let maximumValueCount = Int(Int32.max)

    @inline(__always) init(slab: Slab, slot: Slab.SlotID) {
        self.slab = slab
        self.slot = slot
    }

    @inline(__always) private var start: UnsafeMutableRawPointer { slab.address(slot) }
    @inline(__always) private var geometry: SlabGeometry { slab.state.pointee.geometry }

    // MARK: Making and freeing

    /// An entry of what a writer prepared, for which there are pages enough (``Slab/pagesNeeded(for:)``). It has no place in any
    /// order yet.
    static func make(_ prepared: PreparedEntry, layout: EntryLayout, in slab: Slab) -> Entry {
        let entry = Entry(slab: slab, slot: slab.take(layout.classIndex))
        entry.start.storeBytes(of: 0, toByteOffset: EntryHeader.newer, as: UInt64.self)
        entry.writeHeader(prepared, layout)
        let front = entry.writeKey(prepared, layout)
        for place in 0..<layout.pieceCount {
            let piece = slab.take(slab.state.pointee.geometry.pieceClass)
            slab.address(piece).storeBytes(of: entry.slot, toByteOffset: EntryPiece.owner, as: Slab.SlotID.self)
            slab.address(piece).storeBytes(
                of: UInt32(place) | EntryPiece.isHandedOut, toByteOffset: EntryPiece.place, as: UInt32.self)
            (entry.start + front).storeBytes(
                of: piece, toByteOffset: place * MemoryLayout<Slab.SlotID>.size, as: Slab.SlotID.self)
        }
        entry.writeValue(prepared, layout, front: front)
        return entry
    }

    /// Writes another value of the same layout in the place of the present one; the places in all orders stay.
    ///
    /// - Returns: The block outside that the entry had; its reference passes to the caller.
    func overwrite(with prepared: PreparedEntry, layout: EntryLayout) -> ValueBlock? {
        let old = external
        let (list, frequency) = (list, frequency)
        writeHeader(prepared, layout)
        (self.list, self.frequency) = (list, frequency)
        writeValue(prepared, layout, front: writeKey(prepared, layout))
        return old
    }

    private func writeHeader(_ prepared: PreparedEntry, _ layout: EntryLayout) {
        let start = start
        var flags = EntryHeader.isHandedOut
        if layout.isWide {
            flags |= EntryHeader.isWide
            start.storeBytes(
                of: UInt32(prepared.block.valueCount), toByteOffset: EntryHeader.wideValueCount, as: UInt32.self)
            start.storeBytes(
                of: UInt32(prepared.block.keyCount), toByteOffset: EntryHeader.wideKeyCount, as: UInt32.self)
        } else {
            start.storeBytes(
                of: UInt8(prepared.block.keyCount), toByteOffset: EntryHeader.narrowKeyCount, as: UInt8.self)
            start.storeBytes(
                of: UInt16(prepared.block.valueCount), toByteOffset: EntryHeader.narrowValueCount, as: UInt16.self)
        }
        if layout.isExternal { flags |= EntryHeader.isExternal }
        if prepared.tags != nil || prepared.note != nil { flags |= EntryHeader.isAnnotated }
        start.storeBytes(of: flags, toByteOffset: EntryHeader.flags, as: UInt8.self)
        start.storeBytes(
            of: StoredTime(prepared.storedAt).tick, toByteOffset: EntryHeader.storedAt, as: UInt32.self)
        start.storeBytes(of: prepared.expiresAt, toByteOffset: EntryHeader.expiresAt, as: Int64.self)
        rank = prepared.rank
    }

    /// - Returns: Where the names of pieces begin, and behind them the rest of the value.
    private func writeKey(_ prepared: PreparedEntry, _ layout: EntryLayout) -> Int {
        let header = EntryHeader.count(isWide: layout.isWide) + geometry.rankCount
        guard !layout.isExternal else { return header }
        let key = prepared.block.key
        memcpy(start + header, key.baseAddress.unsafelyUnwrapped, key.count)
        guard prepared.block.valueCount > ValueBlock.digestThreshold else { return header + key.count }
        start.storeBytes(of: prepared.block.digest, toByteOffset: header + key.count, as: UInt64.self)
        return header + key.count + MemoryLayout<UInt64>.size
    }

    private func writeValue(_ prepared: PreparedEntry, _ layout: EntryLayout, front: Int) {
        guard !layout.isExternal else {
            prepared.block.retain()
            start.storeBytes(of: prepared.block.opaque, toByteOffset: front, as: UnsafeMutableRawPointer.self)
            return
        }
        let value = prepared.block.value
        let bytes = geometry.pieceBytes
        var written = 0
        for place in 0..<layout.pieceCount {
            let piece = (start + front).loadUnaligned(
                fromByteOffset: place * MemoryLayout<Slab.SlotID>.size, as: Slab.SlotID.self)
            let count = min(bytes, value.count - written)
            memcpy(
                slab.address(piece) + EntryPiece.headerCount, value.baseAddress.unsafelyUnwrapped + written, count)
            written += count
        }
        if written < value.count {
            memcpy(
                start + front + layout.pieceCount * MemoryLayout<Slab.SlotID>.size,
                value.baseAddress.unsafelyUnwrapped + written, value.count - written)
        }
    }

    /// Gives the slots back of an entry that has no place in any order any more.
    ///
    /// - Parameter emptied: Told each page of which no slot is handed out any more; to be released.
    /// - Returns: The block outside that the entry had; its reference passes to the caller.
    func free(_ emptied: (Slab.PageIndex) -> Void) -> ValueBlock? {
        let external = external
        forEachPiece { _, piece in
            slab.address(piece).storeBytes(of: 0, toByteOffset: EntryPiece.place, as: UInt32.self)
            if let page = slab.give(piece) { emptied(page) }
        }
        start.storeBytes(of: 0, toByteOffset: EntryHeader.flags, as: UInt8.self)
        if let page = slab.give(slot) { emptied(page) }
        return external
    }

    // MARK: What it is

    var layout: EntryLayout {
        let content = content
        return EntryLayout(
            keyCount: content.external?.keyCount ?? content.keyCount, valueCount: content.valueCount, in: geometry)
    }

    /// Whether an entry of that layout, with the same key, may be written over this one.
    func hasSameSlots(as other: EntryLayout) -> Bool { layout.hasSameSlots(as: other) }

    @inline(__always) private var flags: UInt8 {
        get { start.load(fromByteOffset: EntryHeader.flags, as: UInt8.self) }
        nonmutating set { start.storeBytes(of: newValue, toByteOffset: EntryHeader.flags, as: UInt8.self) }
    }

    /// Whether the slot holds an entry.
    @inline(__always) var isHandedOut: Bool { flags & EntryHeader.isHandedOut != 0 }

    /// Whether the shard's ``TagIndex`` or its ``LoadNotes`` know it.
    @inline(__always) var isAnnotated: Bool { flags & EntryHeader.isAnnotated != 0 }

    /// Has the processor fetch the entries in these slots, of which 0 is none: no read waits for the one before, so that their times
    /// do not add up, as they would if each entry were looked at before the next.
    static func fetch(_ slots: Slice<UnsafeMutableBufferPointer<Slab.SlotID>>, in slab: Slab) {
        var flags: UInt8 = EntryHeader.isHandedOut
        for slot in slots where slot != 0 { flags &= Entry(slab: slab, slot: slot).flags }
        // It must be so; and what is used is not optimized away.
        precondition(flags & EntryHeader.isHandedOut != 0, "the table names a slot that holds no entry")
    }

    /// Likewise, the neighbours of this entry in its order, which a move in the order writes to.
    @inline(__always)
    func fetchNeighbours() {
        var flags: UInt8 = EntryHeader.isHandedOut
        if let newer { flags &= newer.flags }
        if let older { flags &= older.flags }
        precondition(flags & EntryHeader.isHandedOut != 0, "an order has a slot that holds no entry")
    }

    /// Key, value and what else follows, as far as it is in the slot.
    private struct Content {
        var keyCount: Int
        var valueCount: Int
        /// Behind the header.
        var rest: UnsafeMutableRawPointer
        var external: ValueBlock?
    }

    @inline(__always) private var content: Content {
        let start = start
        let flags = start.load(fromByteOffset: EntryHeader.flags, as: UInt8.self)
        var content: Content
        if flags & EntryHeader.isWide == 0 {
            content = Content(
                keyCount: Int(start.load(fromByteOffset: EntryHeader.narrowKeyCount, as: UInt8.self)),
                valueCount: Int(start.load(fromByteOffset: EntryHeader.narrowValueCount, as: UInt16.self)),
                rest: start + EntryHeader.count(isWide: false) + geometry.rankCount)
        } else {
            content = Content(
                keyCount: Int(start.load(fromByteOffset: EntryHeader.wideKeyCount, as: UInt32.self)),
                valueCount: Int(start.load(fromByteOffset: EntryHeader.wideValueCount, as: UInt32.self)),
                rest: start + EntryHeader.count(isWide: true) + geometry.rankCount)
        }
        if flags & EntryHeader.isExternal != 0 {
            content.external = ValueBlock(opaque: content.rest.loadUnaligned(as: UnsafeMutableRawPointer.self))
        }
        return content
    }

    /// The block outside that the entry has, if it has one.
    @inline(__always) var external: ValueBlock? {
        flags & EntryHeader.isExternal == 0 ? nil : content.external
    }

    @inline(__always) var valueCount: Int { content.valueCount }

    @inline(__always) var key: UnsafeRawBufferPointer {
        let content = content
        if let external = content.external { return external.key }
        return UnsafeRawBufferPointer(start: content.rest, count: content.keyCount)
    }

    @inline(__always)
    func hasKey(_ key: UnsafeRawBufferPointer) -> Bool {
        let known = self.key
        guard known.count == key.count, let bytes = key.baseAddress, let start = known.baseAddress else { return false }
        return memcmp(start, bytes, key.count) == 0
    }

    /// The key's hash, which is not kept: to hash again costs less than its room.
    var hash: UInt64 { slab.state.pointee.hasher.hash(key) }

    /// When it was put.
    @inline(__always) var stored: StoredTime {
        StoredTime(tick: start.load(fromByteOffset: EntryHeader.storedAt, as: UInt32.self))
    }

    /// When it ceases to be served, by the cache's clock in nanoseconds; ``never`` without a time to live.
    @inline(__always) var expiresAt: Int64 { start.load(fromByteOffset: EntryHeader.expiresAt, as: Int64.self) }

    /// Lets it expire at another time; the shard's timers are to follow.
    func setExpiry(_ expiresAt: Int64) {
        start.storeBytes(of: expiresAt, toByteOffset: EntryHeader.expiresAt, as: Int64.self)
    }

    /// Says that it is known to the shard's ``LoadNotes`` from now on.
    func setAnnotated() { flags |= EntryHeader.isAnnotated }

    /// Lets it be as if it had been put at another time.
    func setStored(_ stored: StoredTime) {
        start.storeBytes(of: stored.tick, toByteOffset: EntryHeader.storedAt, as: UInt32.self)
    }

    /// A digest of the value's bytes, the same for the same bytes wherever and whenever.
    ///
    /// - Complexity: O(1): that of a small value, which is not kept, is made.
    var digest: UInt64 {
        let content = content
        if let external = content.external { return external.digest }
        guard content.valueCount <= ValueBlock.digestThreshold else { return digest(content) }
        return withUnsafeTemporaryAllocation(byteCount: ValueBlock.digestThreshold, alignment: 8) { room in
            copyValue(content, to: room.baseAddress.unsafelyUnwrapped)
            return contentDigest(UnsafeRawBufferPointer(rebasing: room[..<content.valueCount]))
        }
    }

    @inline(__always) private func digest(_ content: Content) -> UInt64 {
        (content.rest + content.keyCount).loadUnaligned(as: UInt64.self)
    }

    // MARK: The value

    /// A block with the value, a reference to which passes to the caller.
    ///
    /// - Complexity: O(*n*) for a value of *n* bytes, up to a bound above which it is O(1).
    @inline(__always)
    func copy() -> ValueBlock {
        let content = content
        if let external = content.external {
            external.retain()
            return external
        }
        let noKey = UnsafeRawBufferPointer(start: nil, count: 0)
        guard let block = ValueBlock.allocate(key: noKey, valueCount: content.valueCount) else {
            // A read has no way to say so: nil would be a miss, which it is not.
            fatalError("memory is exhausted: a copy of \(content.valueCount) bytes could not be had")
        }
        copyValue(content, to: block.unwrittenValue.baseAddress.unsafelyUnwrapped)
        if content.valueCount > ValueBlock.digestThreshold { block.seal(digest: digest(content)) }
        return block
    }

    /// Copies the value, for which there must be room.
    @inline(__always)
    func copyValue(to target: UnsafeMutableRawPointer) {
        let content = content
        if let external = content.external {
            memcpy(target, external.value.baseAddress.unsafelyUnwrapped, content.valueCount)
        } else {
            copyValue(content, to: target)
        }
    }

    /// Copies the value if there is room for it.
    ///
    /// - Returns: How many bytes it has; nil, with nothing copied, if there is not.
    @inline(__always)
    func copyValue(toAtMost room: UnsafeMutableRawBufferPointer) -> Int? {
        let content = content
        guard content.external == nil, content.valueCount <= room.count, let start = room.baseAddress else {
            return nil
        }
        copyValue(content, to: start)
        return content.valueCount
    }

    @inline(__always)
    private func copyValue(_ content: Content, to target: UnsafeMutableRawPointer) {
        var source = content.rest + content.keyCount
        if content.valueCount > ValueBlock.digestThreshold { source += MemoryLayout<UInt64>.size }
        let front = source - start
        guard front + content.valueCount > geometry.largest else {
            memcpy(target, source, content.valueCount)
            return
        }
        copyPieces(content, front: front, to: target)
    }

    private func copyPieces(_ content: Content, front: Int, to target: UnsafeMutableRawPointer) {
        let count = EntryLayout.pieceCount(front: front, valueCount: content.valueCount, in: geometry)
        let names = start + front
        var copied = 0
        for place in 0..<count {
            let piece = names.loadUnaligned(
                fromByteOffset: place * MemoryLayout<Slab.SlotID>.size, as: Slab.SlotID.self)
            let bytes = min(geometry.pieceBytes, content.valueCount - copied)
            memcpy(target + copied, slab.address(piece) + EntryPiece.headerCount, bytes)
            copied += bytes
        }
        if copied < content.valueCount {
            memcpy(
                target + copied, names + count * MemoryLayout<Slab.SlotID>.size, content.valueCount - copied)
        }
    }

    // MARK: Moving

    /// Calls `body` with the place and the slot of each piece of the value.
    private func forEachPiece(_ body: (Int, Slab.SlotID) -> Void) {
        let content = content
        guard content.external == nil else { return }
        var front = content.rest - start + content.keyCount
        if content.valueCount > ValueBlock.digestThreshold { front += MemoryLayout<UInt64>.size }
        let count = EntryLayout.pieceCount(front: front, valueCount: content.valueCount, in: geometry)
        for place in 0..<count {
            body(
                place,
                (start + front).loadUnaligned(
                    fromByteOffset: place * MemoryLayout<Slab.SlotID>.size, as: Slab.SlotID.self))
        }
    }

    /// Copies the entry into another slot of the same class, where it goes on; its places in the orders are to follow.
    func move(to slot: Slab.SlotID, slotSize: Int) -> Entry {
        memcpy(slab.address(slot), start, slotSize)
        let moved = Entry(slab: slab, slot: slot)
        moved.forEachPiece { _, piece in
            slab.address(piece).storeBytes(of: slot, toByteOffset: EntryPiece.owner, as: Slab.SlotID.self)
        }
        return moved
    }

    /// Copies a piece into another slot, and tells the entry that it belongs to.
    static func movePiece(_ piece: Slab.SlotID, to slot: Slab.SlotID, slotSize: Int, in slab: Slab) {
        memcpy(slab.address(slot), slab.address(piece), slotSize)
        let owner = Entry(
            slab: slab, slot: slab.address(piece).load(fromByteOffset: EntryPiece.owner, as: Slab.SlotID.self))
        let place = Int(
            slab.address(piece).load(fromByteOffset: EntryPiece.place, as: UInt32.self) & ~EntryPiece.isHandedOut)
        let content = owner.content
        var names = content.rest + content.keyCount
        if content.valueCount > ValueBlock.digestThreshold { names += MemoryLayout<UInt64>.size }
        names.storeBytes(of: slot, toByteOffset: place * MemoryLayout<Slab.SlotID>.size, as: Slab.SlotID.self)
    }

    static func isPieceHandedOut(_ piece: Slab.SlotID, in slab: Slab) -> Bool {
        slab.address(piece).load(fromByteOffset: EntryPiece.place, as: UInt32.self) & EntryPiece.isHandedOut != 0
    }

    // MARK: Places in the shard's orders

    /// The rank of the last use, if the slab's entries keep it, else 0.
    var rank: Int64 {
        get {
            guard geometry.rankCount > 0 else { return 0 }
            return start.loadUnaligned(fromByteOffset: rankOffset, as: Int64.self)
        }
        nonmutating set {
            guard geometry.rankCount > 0 else { return }
            start.storeBytes(of: newValue, toByteOffset: rankOffset, as: Int64.self)
        }
    }
    private var rankOffset: Int { EntryHeader.count(isWide: flags & EntryHeader.isWide != 0) }

    @inline(__always) var list: EvictionListName {
        get { EvictionListName(rawValue: flags >> EntryHeader.listShift & EntryHeader.twoBits).unsafelyUnwrapped }
        nonmutating set {
            flags = flags & ~(EntryHeader.twoBits << EntryHeader.listShift) | newValue.rawValue << EntryHeader.listShift
        }
    }
    @inline(__always) var frequency: UInt8 {
        get { flags >> EntryHeader.frequencyShift & EntryHeader.twoBits }
        nonmutating set {
            flags =
                flags & ~(EntryHeader.twoBits << EntryHeader.frequencyShift) | newValue << EntryHeader.frequencyShift
        }
    }
    @inline(__always) var newer: Entry? {
        get { neighbour(EntryHeader.newer) }
        nonmutating set { setNeighbour(EntryHeader.newer, newValue) }
    }
    @inline(__always) var older: Entry? {
        get { neighbour(EntryHeader.older) }
        nonmutating set { setNeighbour(EntryHeader.older, newValue) }
    }

    @inline(__always) private func neighbour(_ offset: Int) -> Entry? {
        let slot = start.load(fromByteOffset: offset, as: Slab.SlotID.self)
        return slot == 0 ? nil : Entry(slab: slab, slot: slot)
    }
    @inline(__always) private func setNeighbour(_ offset: Int, _ entry: Entry?) {
        start.storeBytes(of: entry?.slot ?? 0, toByteOffset: offset, as: Slab.SlotID.self)
    }
}
