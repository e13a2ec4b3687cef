/// How many operations a second threads do on a store, by the number of threads.
struct ThreadResult: Codable, Sendable {
    struct Entry: Codable, Sendable {
        let threads: Int
        /// Operations a second, for each round.
        let rounds: [Double]
        let median: Double

        init(threads: Int, rounds: [Double]) {
            self.threads = threads
            self.rounds = rounds
            median = rounds.median ?? 0
        }
    }

    let id: MicroContender
    let title: String
    let entries: [Entry]

    /// The rate with so many threads as a multiple of that with so many others.
    func ratio(_ threads: Int, to others: Int) -> Double? {
        guard let rate = entries.first(where: { $0.threads == threads })?.median,
            let other = entries.first(where: { $0.threads == others })?.median, other > 0
        else { return nil }
        return rate / other
    }
}
