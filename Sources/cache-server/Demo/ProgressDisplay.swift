/// How far a piece of work is: a bar that is drawn anew on a terminal, a line for each tenth elsewhere.
struct ProgressDisplay: Sendable {
    let total: Int
    let isTerminal: Bool

    private static let width = 30

    /// What to write when `done` of the total are done.
    func text(done: Int) -> String {
        let percent = total == 0 ? 100 : done * 100 / total
        guard isTerminal else { return percent % 10 == 0 ? "  \(percent) %, \(done) of \(total)\n" : "" }
        return "\r  \(Self.bar(percent: percent)), \(done) of \(total)" + (done == total ? "\n" : "")
    }

    /// Such as `[######........................] 20 %`.
    static func bar(percent: Int) -> String {
        let filled = percent * width / 100
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        return "[\(bar)] \(percent) %"
    }
}
