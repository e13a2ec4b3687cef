/// About how often keys were used lately: a count-min sketch of four-bit counters, halved at intervals
/// (G. Cormode, S. Muthukrishnan, "An improved data stream summary: the count-min sketch and its applications", 2005;
/// with TinyLFU's aging).
///
/// The four counters of a key lie in one block of 64 bytes, so that a use touches one cache line.
///
/// - Complexity: O(1), but for halving: O(size) once in ten uses an entry.
struct FrequencySketch {
    /// Blocks of eight words, of sixteen counters each. A block's words 2*i* and 2*i* + 1 have the counters of row *i*.
    private var words: [UInt64] = []
    private var blockCount = 0
    /// Increments since the last halving, and how many there may be.
    private var increments = 0
    private var period = 0

    /// The highest count.
    static let maximum = 15
    private static let wordsPerBlock = 8
    /// With fewer, keys of a very small cache are mixed up too often.
    private static let fewestBlocks = 16
    private static let salt: UInt64 = 0x5851_F42D_4C95_7F2D

    /// A sketch without memory, which knows of no use.
    init() {}

    /// - Parameters:
    ///   - capacity: How many entries the cache holds whose keys are counted; at least 1.
    ///   - bytesPerEntry: How much memory to take for each.
    init(capacity: Int, bytesPerEntry: Double) {
        blockCount = Self.footprint(capacity: capacity, bytesPerEntry: bytesPerEntry) / 64
        words = Array(repeating: 0, count: blockCount * Self.wordsPerBlock)
        period = 10 * capacity
    }

    /// Bytes that a sketch takes.
    static func footprint(capacity: Int, bytesPerEntry: Double) -> Int {
        max(fewestBlocks, Int((Double(capacity) * bytesPerEntry / 64).rounded(.up))) * 64
    }

    /// Bytes that it takes.
    var footprint: Int { words.count * MemoryLayout<UInt64>.stride }

    /// How often the key with this hash was used, about: 0 ... ``maximum``.
    func frequency(_ hash: UInt64) -> Int {
        guard blockCount > 0 else { return 0 }
        let (block, bits) = locate(hash)
        var least = Self.maximum
        for row in 0..<4 {
            let (word, shift) = counter(row, bits)
            least = min(least, Int(words[block + word] >> shift & 15))
        }
        return least
    }

    /// Notes a use.
    mutating func add(_ hash: UInt64) {
        guard blockCount > 0 else { return }
        let (block, bits) = locate(hash)
        var isCounted = false
        for row in 0..<4 {
            let (word, shift) = counter(row, bits)
            guard words[block + word] >> shift & 15 < 15 else { continue }
            words[block + word] += 1 << shift
            isCounted = true
        }
        guard isCounted else { return }
        increments += 1
        if increments >= period { halve() }
    }

    private mutating func halve() {
        var odd = 0
        for word in words.indices {
            odd += (words[word] & 0x1111_1111_1111_1111).nonzeroBitCount
            words[word] = words[word] >> 1 & 0x7777_7777_7777_7777
        }
        increments = (increments - odd / 4) / 2
    }

    @inline(__always)
    private func locate(_ hash: UInt64) -> (block: Int, bits: UInt32) {
        let bits = mixed(hash, salt: Self.salt)
        return (
            place(UInt32(truncatingIfNeeded: bits >> 32), in: blockCount) * Self.wordsPerBlock,
            UInt32(truncatingIfNeeded: bits)
        )
    }

    /// Row `row`'s counter in a block: five bits of the hash choose one of 32.
    @inline(__always)
    private func counter(_ row: Int, _ bits: UInt32) -> (word: Int, shift: UInt64) {
        let chosen = bits >> UInt32(5 * row)
        return (2 * row + Int(chosen >> 4 & 1), UInt64(chosen & 15) * 4)
    }
}
