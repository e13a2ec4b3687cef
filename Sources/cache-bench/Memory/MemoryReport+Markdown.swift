extension MemoryReport {
    /// The comparison as a README has it: bytes an entry, a column for each size of values.
    var markdown: String {
        var table = Table(
            header: ["RSS that an entry adds"]
                + comparisons.map {
                    "\(Figure.whole(Double($0.entries))) values of \($0.values)"
                })
        for system in MemorySystem.all {
            let cells = comparisons.map { $0.system(system.id).map { Figure.bytes($0.addedBytesPerEntry) } ?? "" }
            let isOurs = system.id == .productionCache
            table.rows.append([isOurs ? "**\(system.title)**" : system.title] + cells.map { isOurs ? "**\($0)**" : $0 })
        }
        table.rows.append(["keys and values alone"] + comparisons.map { Figure.bytes($0.usefulBytesPerEntry) })
        return table.markdown
            + "\nMeasured by `make bench-memory` on: \(machine.summary). \(versionSummary).\n\n"
            + Table(of: targets).markdown
    }
}
