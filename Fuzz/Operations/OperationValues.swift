#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The values: JSON strings that follow from a number and a length, unlike each other from one end to the other.
enum OperationValues {
    /// The shortest has one byte, which the model counts no padding from.
    static func value(_ number: Int, count: Int) -> CacheModel.Value {
        CacheModel.Value(number: number, padding: count - 1)
    }

    static func text(_ value: CacheModel.Value) -> [UInt8] {
        let count = value.padding + 1
        guard count > 1 else { return [digit(value)] }
        var text: [UInt8] = []
        text.reserveCapacity(count)
        text.append(UInt8(ascii: "\""))
        text.append(contentsOf: letters[start(value)..<start(value) + count - 2])
        text.append(UInt8(ascii: "\""))
        return text
    }

    static func isText(_ bytes: UnsafeRawBufferPointer, of value: CacheModel.Value) -> Bool {
        let count = value.padding + 1
        guard bytes.count == count else { return false }
        guard count > 1 else { return bytes[0] == digit(value) }
        guard bytes[0] == UInt8(ascii: "\""), bytes[count - 1] == UInt8(ascii: "\"") else { return false }
        return letters.withUnsafeBytes {
            memcmp($0.baseAddress! + start(value), bytes.baseAddress! + 1, count - 2) == 0
        }
    }

    private static func digit(_ value: CacheModel.Value) -> UInt8 { UInt8(ascii: "0") + UInt8(value.number % 10) }
    private static func start(_ value: CacheModel.Value) -> Int { value.number * 61 % starts }

    private static let starts = 4093
    private static let letters: [UInt8] = {
        var state: UInt32 = 2_463_534_242
        return (0..<longest + starts).map { _ in
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            return UInt8(ascii: "a") + UInt8(state >> 8 & 15)
        }
    }()
    static let longest = 100_000
}

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
        sizes += [.exact(3 * geometry.pageSize), .exact(OperationValues.longest)]
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
