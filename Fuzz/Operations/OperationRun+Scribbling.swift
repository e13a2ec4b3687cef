#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The sanitizer knows nothing of the slots into which the store divides its pages. So all that no entry refers to is
/// written over now and then: whoever goes by what stood there finds something else.
extension OperationRun {
    func scribble() {
        for index in 0..<cache.store.shardCount { Self.scribble(over: cache.store.shards[index].slab) }
    }

    private static func scribble(over slab: Slab) {
        let state = slab.state
        for index in 1..<state.pointee.placesUsed {
            guard let base = state.pointee.bases[index] else { continue }
            let page = slab.page(UInt32(index)).pointee
            let isOfPieces = Int(page.classIndex) == slab.geometry.pieceClass
            let slotSize = state.pointee.classes[Int(page.classIndex)].slotSize
            slab.forEachSlot(of: UInt32(index)) { slot in
                let used: Int
                if isOfPieces {
                    // What a piece does not fill is small change.
                    used = Entry.isPieceHandedOut(slot, in: slab) ? slotSize : EntryPiece.headerCount
                } else {
                    // A free slot names the next one, and says that it is free.
                    let entry = Entry(slab: slab, slot: slot)
                    used = entry.isHandedOut ? entry.layout.size : EntryHeader.flags + 4
                }
                memset(slab.address(slot) + used, 0xA5, slotSize - used)
            }
            let untouched = Int(page.untouched) * slotSize
            memset(base + untouched, 0xA5, slab.geometry.pageSize - untouched)
        }
    }
}
