/// The keys that operations name by a byte: short ones in groups by prefix for the most part, and some of every length that
/// is stored in a way of its own.
final class OperationKeys {
    static let count = 256
    /// What the keys of a group begin with; the first are in none.
    static let prefixes = ["a/", "b/", "c/", "d/"]

    let names: [String]
    private let numbers: [String: Int]
    /// Bytes that stay where they are.
    private let bytes: [UnsafeRawBufferPointer]
    private var hashes: [KeyHasher.Spread: [UInt64]] = [:]

    init() {
        names = (0..<Self.count).map(Self.name)
        numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        bytes = names.map { name in
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: name.utf8.count, alignment: 1)
            memory.copyBytes(from: name.utf8)
            return UnsafeRawBufferPointer(memory)
        }
    }

    subscript(_ number: Int) -> UnsafeRawBufferPointer { bytes[number] }

    /// All that begin with a prefix.
    func numbers(prefix: String) -> [Int] { names.indices.filter { names[$0].hasPrefix(prefix) } }

    func number(_ name: String) -> Int? { numbers[name] }

    /// The hashes of all keys, by the spread that is set.
    var hashesOfSpread: [UInt64] {
        let spread = KeyHasher.spread
        if let known = hashes[spread] { return known }
        let hasher = KeyHasher()
        let new = bytes.map { hasher.hash($0) }
        require(!spread.isDistinct || Set(new).count == new.count, "two keys share a hash with \(spread)")
        hashes[spread] = new
        return new
    }

    private static func name(_ number: Int) -> String {
        if number < 8 { return String(UnicodeScalar(UInt8(ascii: "A") + UInt8(number))) }
        let name = prefixes[number % prefixes.count] + "\(number)"
        func padded(to count: Int) -> String { name + String(repeating: "k", count: count - name.utf8.count) }
        return switch number % 32 {
        case 9: name + "ключ-鍵"
        // About where a count no longer fits a byte.
        case 15: padded(to: 250 + number / 32)
        // About half of the largest slot, of pages of 4 KiB and of 16 KiB: from there on an entry stands outside.
        case 23: padded(to: 509 + number / 32)
        case 31: number == 255 ? padded(to: Entry.maximumKeyCount) : padded(to: 2045 + number / 32)
        default: name
        }
    }
}
