import Foundation

/// All that a run of the HTTP benchmark found, as it is written to the result file.
struct HTTPReport: BenchmarkReport, Codable, Sendable {
    static let name = "http"

    /// A system in a scenario.
    struct Entry: Codable, Sendable {
        let id: Peer.ID
        let title: String
        let rounds: [Measurement]
        let median: Summary
    }

    struct ScenarioResult: Codable, Sendable {
        let scenario: Scenario
        /// The cache first.
        let systems: [Entry]

        func median(of id: Peer.ID) -> Summary? {
            systems.first { $0.id == id }?.median
        }

        /// Requests a second of the cache as a multiple of a peer's.
        func rate(against id: Peer.ID) -> Double? {
            ratio(against: id, \.requestsPerSecond)
        }

        /// Processor time a request of the cache as a multiple of a peer's.
        func processorTime(against id: Peer.ID) -> Double? {
            ratio(against: id, \.processorTime)
        }

        private func ratio(against id: Peer.ID, _ figure: (Summary) -> Double) -> Double? {
            guard let cache = median(of: .productionCache), let peer = median(of: id), figure(peer) > 0
            else { return nil }
            return figure(cache) / figure(peer)
        }
    }

    struct Skipped: Codable, Sendable {
        let system: String
        let reason: String
    }

    let date: Date
    let machine: Machine
    let versions: [String: String]
    let load: LoadShape
    let rounds: Int
    let seed: UInt64
    let keyCount: Int
    let keyBytes: Int
    let valueBytes: Int
    var scenarios: [ScenarioResult] = []
    var trials: [TrialResult] = []
    var starts: [StartUp] = []
    var skipped: [Skipped] = []
    /// Why figures of this run mean nothing.
    var problems: [String] = []
    var targets: [TargetResult] = []

    /// What was measured of a target; nil when this run did not measure it.
    func measured(_ quantity: Target.Quantity) -> Double? {
        switch quantity {
        case .rate(let scenario, let peer):
            scenarios.first { $0.scenario == scenario }?.rate(against: peer)
        case .processorTime(let scenario, let peer):
            scenarios.first { $0.scenario == scenario }?.processorTime(against: peer)
        case .rates(let scenario, let other):
            if let rate = cacheRate(scenario), let otherRate = cacheRate(other) { rate / otherRate } else { nil }
        case .trial(let trial):
            trials.first { $0.trial == trial }?.ratio
        case .idleMemory:
            trials.first { $0.trial == .idle }?.bytesPerIdleConnection.map { $0 / 1024 }
        case .start:
            starts.first?.median
        }
    }

    private func cacheRate(_ scenario: Scenario) -> Double? {
        scenarios.first { $0.scenario == scenario }?.median(of: .productionCache)?.requestsPerSecond
    }

    /// What became of the targets that the selected parts measure.
    func targets(of selection: Selection<HTTPPart>) -> [TargetResult] {
        zip(Target.all, targets).filter { $0.0.parts.allSatisfy(selection.contains) }.map(\.1)
    }
}
