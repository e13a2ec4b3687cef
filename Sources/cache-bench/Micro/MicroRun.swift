import Foundation

/// One run of the micro benchmark.
struct MicroRun {
    let rounds: Int
    /// What one measurement takes at least.
    let seconds: Double
    let seed: UInt64
    let entries: Int
    let largeEntries: Int
    /// The contender to measure alone, as for a profile; nil for all.
    var only: MicroContender?

    /// Entries that are asked for before it begins again.
    private static let draws = 1 << 18

    func report(on selection: Selection<MicroPart>) throws -> MicroReport {
        var report = MicroReport(
            date: Date(), machine: try Machine.this(), rounds: rounds, seconds: seconds, seed: seed, entries: entries,
            largeEntries: largeEntries)
        let machineBefore = try ProcessorTime.Machine.now()
        let ownBefore = MachineClock.ofProcess()
        let start = ContinuousClock.now
        for part in selection.parts {
            for row in try rows(of: part) {
                Progress.show(row.title)
                report.rows.append(try row.result(rounds: rounds, seconds: seconds, only: only))
            }
            if part == .threads { report.threads = try threads() }
            Progress.say("\(part.rawValue): done")
        }
        let machine = try ProcessorTime.Machine.now()
        let own = Duration.nanoseconds(MachineClock.ofProcess() - ownBefore)
        let capacity = (ContinuousClock.now - start).seconds * Double(report.machine.cores)
        report.othersShare = max(0, (machine.busy - machineBefore.busy - own).seconds / capacity)
        report.stolenShare = (machine.stolen - machineBefore.stolen).seconds / capacity
        report.targets = MicroTarget.all.map { TargetResult($0.title, $0.bound, measured: $0.quantity(report)) }
        return report
    }

    /// What became of the targets that the selected parts measure.
    func targets(_ report: MicroReport, of selection: Selection<MicroPart>) -> [TargetResult] {
        zip(MicroTarget.all, report.targets).filter { selection.contains($0.0.part) }.map(\.1)
    }

    /// The rows of a part, whose stores are made for it alone and go with it.
    private func rows(of part: MicroPart) throws -> [MicroRow] {
        Progress.show("\(part.rawValue): filling the stores")
        switch part {
        case .get:
            let stores = try MicroStores(entries: entries)
            let short = try MicroStores(entries: entries, keys: MicroStores.shortKeys)
            return [
                stores.reads(.get, title("get", .uniform), numbers(of: stores, .uniform)),
                stores.reads(.getZipf, title("get", .zipf), numbers(of: stores, .zipf)),
                short.reads(
                    .getShortKeys, title("get", .uniform) + ", keys of \(short.keys.byteCount) bytes",
                    numbers(of: short, .uniform)),
            ]
        case .put:
            let stores = try MicroStores(entries: entries)
            return [
                stores.writes(.put, title("put", .uniform), numbers(of: stores, .uniform)),
                stores.writes(.putZipf, title("put", .zipf), numbers(of: stores, .zipf)),
            ]
        case .large:
            let stores = try MicroStores(entries: largeEntries, withFoundationCache: false)
            let uniform = numbers(of: stores, .uniform, count: Self.draws * 4)
            return [
                stores.reads(.largeGet, title("get", .uniform, entries: largeEntries), uniform),
                stores.reads(
                    .largeGetZipf, title("get", .zipf, entries: largeEntries),
                    numbers(of: stores, .zipf, count: Self.draws * 4)),
                stores.writes(.largePut, title("put", .uniform, entries: largeEntries), uniform),
            ]
        case .mget:
            let stores = try MicroStores(entries: entries)
            return [
                stores.bulkReads(
                    "mget of \(Workload.batchSize), \(Figure.whole(Double(entries))) entries, an operation is a key",
                    numbers(of: stores, .uniform))
            ]
        case .typed:
            let numbers = KeyChoice.uniform.numbers(Self.draws, below: entries, seed: seed)
            return [
                try MicroStores.typedReads(title("typed get", .uniform), entries: entries, numbers)
            ]
        case .threads:
            return []
        }
    }

    func numbers(of stores: MicroStores, _ choice: KeyChoice, count: Int = Self.draws) -> [Int] {
        stores.numbers(choice, count: count, seed: seed)
    }

    private func title(_ operation: String, _ choice: KeyChoice, entries: Int? = nil) -> String {
        "\(operation), \(Figure.whole(Double(entries ?? self.entries))) entries, \(choice.title)"
    }
}
