/// The sizes by which a ``Slab`` lays out entries: all that follows from its pages.
struct SlabGeometry {
    let pageSize: Int
    /// Bytes of the rank that an entry keeps of its last use; 0 if it keeps none.
    let rankCount: Int
    /// Bytes of the largest slot.
    let largest: Int
    /// Bytes of a value that a piece holds.
    let pieceBytes: Int
    let pieceClass: Int
    let classCount: Int
    /// A value of more bytes, or a key of more, stands in a ``ValueBlock`` outside.
    let mostValueBytes: Int
    let mostKeyBytes: Int
    /// Bytes that are booked for a page: itself, and what is noted of it.
    let pageCost: Int
    // Owned by the pool, which outlives its slabs.
    private let classOfEights: UnsafePointer<UInt8>

    init(pool: PagePool, hasRanks: Bool) {
        pageSize = pool.pageSize
        rankCount = hasRanks ? MemoryLayout<Int64>.size : 0
        largest = pool.classes.largest
        pieceBytes = largest - EntryPiece.headerCount
        pieceClass = pool.classes.pieceClass
        classCount = pool.classes.count
        mostValueBytes = 4 * pageSize
        mostKeyBytes = largest / 2
        pageCost = pageSize + MemoryLayout<Slab.Page>.stride + MemoryLayout<UnsafeRawPointer>.stride
        classOfEights = pool.classes.classOfEights
    }

    /// The class with the smallest slots that have `size` bytes, which must be no more than ``largest``.
    @inline(__always)
    func classIndex(_ size: Int) -> Int { Int(classOfEights[(size + 7) >> 3]) }
}

/// How an entry is laid out, which follows from how many bytes its key and its value have.
struct EntryLayout: Equatable {
    /// Whether the counts take the wider of their two forms.
    let isWide: Bool
    /// Whether key and value stand in a ``ValueBlock`` outside.
    let isExternal: Bool
    /// How many pieces of the value stand in slots of their own.
    let pieceCount: Int
    /// Where the names of the pieces begin, and behind them what remains of the value.
    let front: Int
    /// Bytes of the entry's slot that are used, and its class.
    let size: Int
    let classIndex: Int
    /// Bytes of the block outside; 0 without one.
    let externalBytes: Int

    @inline(__always)
    init(keyCount: Int, valueCount: Int, in geometry: SlabGeometry) {
        isWide = EntryHeader.isWide(keyCount: keyCount, valueCount: valueCount)
        let header = EntryHeader.count(isWide: isWide) + geometry.rankCount
        isExternal = keyCount > geometry.mostKeyBytes || valueCount > geometry.mostValueBytes
        if isExternal {
            pieceCount = 0
            front = header
            size = header + MemoryLayout<UnsafeRawPointer>.size
            externalBytes = ValueBlock.mappedCount(keyCount: keyCount, valueCount: valueCount)
        } else {
            externalBytes = 0
            front = header + keyCount + (valueCount > ValueBlock.digestThreshold ? MemoryLayout<UInt64>.size : 0)
            pieceCount = Self.pieceCount(front: front, valueCount: valueCount, in: geometry)
            size =
                front + pieceCount * MemoryLayout<Slab.SlotID>.size
                + max(0, valueCount - pieceCount * geometry.pieceBytes)
        }
        classIndex = geometry.classIndex(size)
    }

    /// Into how many pieces of their own the value of an entry is divided, whose slot begins with `front` bytes: none if it fits
    /// behind them, else as many as it fills, and one more if the rest does not fit.
    @inline(__always)
    static func pieceCount(front: Int, valueCount: Int, in geometry: SlabGeometry) -> Int {
        if front + valueCount <= geometry.largest { return 0 }
        let full = valueCount / geometry.pieceBytes
        let rest = valueCount - full * geometry.pieceBytes
        return front + full * MemoryLayout<Slab.SlotID>.size + rest <= geometry.largest ? full : full + 1
    }

    /// Whether an entry of the one layout may be written over one of the other with the same key.
    func hasSameSlots(as other: EntryLayout) -> Bool {
        classIndex == other.classIndex && pieceCount == other.pieceCount && isExternal == other.isExternal
            && front == other.front
    }

    /// How many pages an entry takes of an empty shard.
    func pagesAlone(in geometry: SlabGeometry) -> Int {
        let piecesPerPage = geometry.pageSize / geometry.largest
        return 1 + (pieceCount + piecesPerPage - 1) / piecesPerPage
    }

    /// Bytes that an entry takes of an empty store.
    func footprint(in geometry: SlabGeometry) -> Int { pagesAlone(in: geometry) * geometry.pageCost + externalBytes }
}
