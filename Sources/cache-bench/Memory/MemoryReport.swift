import Foundation

/// All that a run of the memory benchmark found, as it is written to the result file.
struct MemoryReport: BenchmarkReport {
    static let name = "memory"

    struct Skipped: Codable, Sendable {
        let system: String
        let reason: String
    }

    /// A clear, and what became of the memory.
    struct Decline: Codable, Sendable {
        enum Subject: String, CaseIterable, Codable, CustomStringConvertible, Sendable {
            case librarySmall = "library-small"
            case libraryMixed = "library-mixed"
            case serverMixed = "server-mixed"

            var description: String {
                switch self {
                case .librarySmall: "library, \(sizes.title)"
                case .libraryMixed: "library, \(sizes.title)"
                case .serverMixed: "DELETE /keys, \(sizes.title)"
                }
            }

            var sizes: ValueSizes {
                switch self {
                case .librarySmall: .small
                case .libraryMixed, .serverMixed: .mixed
                }
            }
        }

        let subject: Subject
        let memory: MemoryDecline
    }

    let date: Date
    let machine: Machine
    let versions: [String: String]
    let seed: UInt64
    let isFull: Bool
    var comparisons: [MemoryComparison] = []
    var fill: FillTrial.Outcome?
    var churns: [ChurnTrial.Outcome] = []
    var declines: [Decline] = []
    var pauses: PauseTrial.Outcome?
    var skipped: [Skipped] = []
    var problems: [String] = []
    var targets: [TargetResult] = []

    /// Only the times in it depend on who else is at work, and they have an idle loop beside them.
    var unrest: String? { nil }

    func comparison(_ sizes: ValueSizes) -> MemoryComparison? {
        comparisons.first { $0.values == sizes.title }
    }

    func churn(_ limit: Int) -> ChurnTrial.Outcome? {
        churns.first { $0.limit == limit }
    }

    func decline(_ subject: Decline.Subject) -> MemoryDecline? {
        declines.first { $0.subject == subject }?.memory
    }
}
