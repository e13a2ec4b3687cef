/// The keys and values that every system is loaded with, the same for all and the same in every run of one seed.
struct Workload: Sendable {
    static let keyCount = 10_000
    static let keyBytes = 16
    static let valueBytes = 64
    /// Keys of one bulk request.
    static let batchSize = 100
    /// Different bulk requests; the load goes round and round them.
    private static let batchCount = 256

    let seed: UInt64
    /// Numbers of all keys in random order.
    let order: [Int]
    /// Numbers of the keys of each bulk request, none twice in one.
    let batches: [[Int]]

    init(seed: UInt64) {
        self.seed = seed
        var generator = SplitMix64(state: seed)
        order = (0..<Self.keyCount).shuffled(using: &generator)
        batches = (0..<Self.batchCount).map { _ in
            var batch: Set<Int> = []
            while batch.count < Self.batchSize {
                batch.insert(Int.random(in: 0..<Self.keyCount, using: &generator))
            }
            return batch.sorted().shuffled(using: &generator)
        }
    }

    /// The key of a number, named as redis-benchmark names its own.
    func key(_ number: Int) -> String {
        NumberedKeys.redisBenchmark[number]
    }

    /// A key that no store holds.
    func absentKey(_ number: Int) -> String {
        NumberedKeys.absent[number]
    }

    /// The value of a key: a small JSON object without a character that a URL, nginx' configuration or Webdis' command
    /// syntax gives a meaning to.
    func value(_ number: Int) -> String {
        #"{"id":\#(1_000_000 + number),"name":"Ada Lovelace","plan":"team","seats":25000}"#
    }

    /// The key and the value of one large entry beside the others.
    static let largeKey = "large"
    static let largeValue = "\"" + String(repeating: "x", count: 1_048_576 - 2) + "\""

    /// The commands for a store: numbers of all keys, in pieces small enough for one bulk request.
    var pieces: [Range<Int>] {
        stride(from: 0, to: Self.keyCount, by: Self.batchSize).map { $0..<min($0 + Self.batchSize, Self.keyCount) }
    }
}
