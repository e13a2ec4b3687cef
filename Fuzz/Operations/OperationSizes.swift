/// Lengths of values about those at which an entry is stored in another way.
struct OperationSizes {
    private enum Size {
        case exact(Int)
        /// With the key and all else in a slot of so many bytes, or a few more.
        case slot(Int, plus: Int)
        /// As ``slot(_:plus:)``, for the largest slot, and so many pieces.
        case pieces(Int, plus: Int)
    }

    private let geometry: SlabGeometry
    private let sizes: [Size]

    init(_ geometry: SlabGeometry, slotSizes: [Int]) {
        self.geometry = geometry
        var sizes = (1...16).map { Size.exact($0) }
        for size in slotSizes { sizes += (-1...1).map { .slot(size, plus: $0) } }
        for pieces in [1, 2, 3, 4, 5, 8, 15, 16] {
            sizes += (-1...1).map { .pieces(pieces, plus: $0) }
            sizes += (-1...1).map { .exact(pieces * geometry.pieceBytes + $0) }
        }
        for bound in [ValueBlock.digestThreshold, Int(UInt16.max), geometry.mostValueBytes] {
            sizes += (-1...1).map { .exact(bound + $0) }
        }
        sizes += [.exact(3 * geometry.pageSize), .exact(OperationValue.longest)]
        self.sizes = sizes
    }

    /// A length from a byte, for the value of a key of so many bytes; at most `most`.
    func count(_ code: Int, keyCount: Int, most: Int = .max) -> Int {
        let count =
            switch sizes[code % sizes.count] {
            case .exact(let count): count
            case .slot(let size, let more): room(in: size, keyCount: keyCount) + more
            case .pieces(let pieces, let more):
                room(in: geometry.largest, keyCount: keyCount, isLong: true)
                    + pieces * (geometry.pieceBytes - MemoryLayout<Slab.SlotID>.size) + more
            }
        return min(max(1, count), most)
    }

    private func room(in slot: Int, keyCount: Int, isLong: Bool = false) -> Int {
        let header = EntryHeader.count(isWide: EntryHeader.isWide(keyCount: keyCount, valueCount: 0))
        let room = slot - header - geometry.rankCount - keyCount
        return isLong || room > ValueBlock.digestThreshold ? room - MemoryLayout<UInt64>.size : room
    }
}
