import Foundation

/// All that a run of the micro benchmark found, as it is written to the result file.
struct MicroReport: BenchmarkReport {
    static let name = "micro"

    let date: Date
    let machine: Machine
    let rounds: Int
    let seconds: Double
    let seed: UInt64
    let entries: Int
    let largeEntries: Int
    var rows: [MicroResult] = []
    var threads: [ThreadResult] = []
    var targets: [TargetResult] = []
    /// Shares of the machine's processors that other programs and the hypervisor took during the run.
    var othersShare = 0.0
    var stolenShare = 0.0

    /// A figure that means nothing ends the run.
    var problems: [String] { [] }

    func row(_ id: MicroRow.ID) -> MicroResult? { rows.first { $0.id == id } }

    func threads(of id: MicroContender) -> ThreadResult? { threads.first { $0.id == id } }
}
