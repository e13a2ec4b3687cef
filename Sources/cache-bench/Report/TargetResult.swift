/// A target with what was measured of it.
struct TargetResult: Codable, Equatable, Sendable {
    let title: String
    /// The bound in words.
    let bound: String
    /// nil when this run did not measure it.
    let measured: Double?
    let isReached: Bool?

    init(_ title: String, _ bound: Bound, measured: Double?) {
        self.title = title
        self.bound = bound.text
        self.measured = measured
        isReached = measured.map(bound.isKept)
    }
}

extension Table {
    /// The table of targets that ends a report.
    init(of targets: [TargetResult]) {
        self.init(header: ["", "measured", "must be", "reached"])
        for target in targets {
            rows.append([
                target.title, target.measured.map(Figure.decimal) ?? "not measured", target.bound,
                target.isReached.map { $0 ? "yes" : "no" } ?? "",
            ])
        }
    }
}
