import Glibc

/// How much memory the systems take for the same entries.
struct MemoryComparison: Codable, Sendable {
    /// A system that holds the entries.
    struct Entry: Codable, Sendable {
        let id: MemorySystem.ID
        let title: String
        /// RSS of the empty server, and of the full one.
        let bytesBefore: Int
        let bytesAfter: Int
        /// The whole RSS, and what the fill added to it, divided by the number of entries.
        let bytesPerEntry: Double
        let addedBytesPerEntry: Double

        init(_ system: MemorySystem, before: Int, after: Int, entries: Int) {
            id = system.id
            title = system.title
            bytesBefore = before
            bytesAfter = after
            bytesPerEntry = Double(after) / Double(entries)
            addedBytesPerEntry = Double(after - before) / Double(entries)
        }
    }

    /// The size of the values, in words.
    let values: String
    let entries: Int
    /// Bytes of keys and values.
    let usefulBytes: Int
    /// The cache first.
    var systems: [Entry] = []

    var usefulBytesPerEntry: Double { Double(usefulBytes) / Double(entries) }

    init(of fill: EntryFill) {
        values = fill.sizes.title
        entries = fill.count
        usefulBytes = fill.usefulBytes
    }

    func system(_ id: MemorySystem.ID) -> Entry? {
        systems.first { $0.id == id }
    }
}

extension MemoryComparison.Entry {
    /// Starts a system, fills it, and looks at its memory before and after.
    ///
    /// - Throws: `BenchmarkError` also when the system does not hold all entries afterwards, exactly as they were sent:
    ///   the memory of one that evicts, or that packs values, would say nothing.
    init(measuring system: MemorySystem, with fill: EntryFill, in environment: RunEnvironment) throws {
        let deployment = try system.start(environment)
        let process = deployment.processes[0]
        defer { RunningChildren.signal(process.id, SIGKILL) }
        let before = try ResidentMemory.ofProcess(process.id)
        try deployment.store.fill(with: fill)
        pause(Self.rest)
        let after = try ResidentMemory.ofProcess(process.id)

        let count = try deployment.store.entryCount()
        guard count == fill.count else {
            throw BenchmarkError("\(system.title) holds \(count) entries after \(fill.count) were stored")
        }
        let text = ValueText(upTo: fill.sizes.most)
        for entry in fill.batches.prefix(1).joined() {
            let value = String(decoding: text.bytes(entry.valueBytes, of: entry.number), as: UTF8.self)
            guard try deployment.store.value(of: entry.key) == value else {
                throw BenchmarkError("\(system.title) does not give back what was stored under \(entry.key)")
            }
        }
        self.init(system, before: before, after: after, entries: fill.count)
    }

    /// Time for what a server does in the background after the last write.
    private static let rest = Duration.seconds(2)
}
