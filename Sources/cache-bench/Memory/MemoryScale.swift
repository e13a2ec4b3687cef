/// How much of everything a run of the memory benchmark takes.
struct MemoryScale: Codable, Equatable, Sendable {
    /// Everything is divided by this.
    private let divisor: Int

    static let full = MemoryScale(divisor: 1)
    /// To see whether all works; the processes' own memory outweighs that of so few entries.
    static let quick = MemoryScale(divisor: 20)

    var isFull: Bool { divisor == 1 }

    func fills(seed: UInt64) -> [EntryFill] {
        [
            EntryFill(count: 1_000_000 / divisor, sizes: .small, seed: seed),
            EntryFill(count: 500_000 / divisor, sizes: .medium, seed: seed),
            EntryFill(bytes: 500_000_000 / divisor, sizes: .mixed, seed: seed),
        ]
    }

    /// Limits of the caches that are churned, in bytes.
    var limits: [Int] { [256, 512, 2048].map { $0 * 1_048_576 / divisor } }
    /// Bytes of keys and values that are cleared.
    var cleared: Int { 1_073_741_824 / divisor }
    /// Entries present while operations are timed, and those that expire together.
    var entries: Int { 10_000_000 / divisor }
    var wave: Int { 1_000_000 / divisor }
}
