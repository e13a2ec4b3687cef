/// How long an operation takes each contender.
struct MicroResult: Codable, Sendable {
    /// What a round found, in nanoseconds an operation.
    struct Time: Codable, Equatable, Sendable {
        /// Of the thread that performs it.
        let operation: Double
        /// Of other threads of the process meanwhile.
        let background: Double
    }

    struct Entry: Codable, Sendable {
        let id: MicroContender
        let title: String
        let rounds: [Time]
        /// Each figure's own middle.
        let median: Time
        /// Distance of the slowest round from the fastest, as a share of the middle.
        let spread: Double

        init(id: MicroContender, title: String, rounds: [Time]) {
            self.id = id
            self.title = title
            self.rounds = rounds
            let times = rounds.map(\.operation)
            median = Time(operation: times.median ?? 0, background: rounds.map(\.background).median ?? 0)
            spread = median.operation > 0 ? ((times.max() ?? 0) - (times.min() ?? 0)) / median.operation : 0
        }
    }

    let id: MicroRow.ID
    let title: String
    let contenders: [Entry]

    /// The cache's rate as a multiple of another contender's: how often it does an operation while the other does one.
    func rate(against id: MicroContender) -> Double? {
        guard let cache = time(of: .cache), let other = time(of: id), cache > 0 else { return nil }
        return other / cache
    }

    private func time(of id: MicroContender) -> Double? {
        contenders.first { $0.id == id }?.median.operation
    }
}
