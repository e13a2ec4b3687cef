/// Entries to fill a store with: the same for every store, and the same in every run of one seed.
struct EntryFill: Sendable {
    struct Entry: Equatable, Sendable {
        let number: Int
        let valueBytes: Int

        var key: String { EntryFill.keys[number] }
    }

    let count: Int
    let sizes: ValueSizes
    let seed: UInt64

    static let keys = NumberedKeys.redisBenchmark
    /// Every entry gets a time to live, as most do in a cache; long enough to outlive the run.
    static let secondsToLive = 3600

    /// As many entries as have `bytes` in their keys and values, about.
    init(bytes: Int, sizes: ValueSizes, seed: UInt64) {
        let count = Int(Double(bytes) / (sizes.mean + Double(Self.keys.byteCount)))
        self.init(count: max(1, count), sizes: sizes, seed: seed)
    }

    init(count: Int, sizes: ValueSizes, seed: UInt64) {
        self.count = count
        self.sizes = sizes
        self.seed = seed
    }

    /// Bytes of all keys and values.
    var usefulBytes: Int {
        batches.joined().reduce(0) { $0 + Self.keys.byteCount + $1.valueBytes }
    }

    /// The entries in pieces that fit into a request: enough of them to spare the round trip, few enough that no server
    /// needs a large buffer for one.
    var batches: Batches { Batches(of: self) }

    struct Batches: Sequence, IteratorProtocol {
        private let fill: EntryFill
        private var generator: SplitMix64
        private var number = 0

        private static let mostEntries = 100
        private static let enoughBytes = 131_072

        fileprivate init(of fill: EntryFill) {
            self.fill = fill
            generator = SplitMix64(state: fill.seed)
        }

        mutating func next() -> [Entry]? {
            guard number < fill.count else { return nil }
            var batch: [Entry] = []
            var bytes = 0
            while number < fill.count, batch.count < Self.mostEntries, bytes < Self.enoughBytes {
                let entry = Entry(number: number, valueBytes: fill.sizes.next(using: &generator))
                batch.append(entry)
                bytes += entry.valueBytes
                number += 1
            }
            return batch
        }
    }
}
