/// How far a piece of work is: a bar that is drawn anew on a terminal, a line for each tenth elsewhere.
struct ProgressDisplay: Sendable {
    let total: Int
    let isTerminal: Bool

    private static let width = 30

    /// What to write when `done` of the total are done.
    func text(done: Int) -> String {
        let percent = total == 0 ? 100 : done * 100 / total
        guard isTerminal else { return percent % 10 == 0 ? "  \(percent) %, \(done) of \(total)\n" : "" }
        let filled = percent * Self.width / 100
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        return "\r  [\(bar)] \(percent) %, \(done) of \(total)" + (done == total ? "\n" : "")
    }
}
