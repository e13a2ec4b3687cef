import CacheCore

/// What the demo measured.
struct DemoReport: Equatable {
    var totalRequests: Int
    var hits: Int
    var misses: Int
    /// In percent.
    var hitRate: Double
    var evictions: Int
    var expirations: Int
    var currentSize: Int
    var capacity: Int?
    var times: DemoWorkload.Times
}

extension DemoReport {
    init(_ stats: CacheStats, _ times: DemoWorkload.Times) {
        self.init(
            totalRequests: stats.totalRequests, hits: stats.hits, misses: stats.misses, hitRate: stats.hitRate,
            evictions: stats.evictions, expirations: stats.expirations, currentSize: stats.currentSize,
            capacity: stats.capacity, times: times)
    }

    /// The report as the demo prints it.
    var text: String {
        let operations = times.gets + times.puts
        return section(
            "Statistics",
            [
                ("Total requests", String(totalRequests)),
                ("Hits", String(hits)),
                ("Misses", String(misses)),
                ("Hit rate", "\(fixed(hitRate, places: 1)) %"),
                ("Evictions", String(evictions)),
                ("Expirations", String(expirations)),
                ("Current size/capacity", "\(currentSize)/\(capacity.map(String.init) ?? "unbounded")"),
            ]) + "\n"
            + section(
                "Performance",
                [
                    ("Average get latency", average(times.inGets, over: times.gets)),
                    ("Average put latency", average(times.inPuts, over: times.puts)),
                    ("Throughput", throughput(operations, in: times.inGets + times.inPuts)),
                ])
    }

    private func section(_ title: String, _ lines: [(name: String, value: String)]) -> String {
        lines.reduce("\(title)\n") { text, line in
            text + "  " + line.name + String(repeating: " ", count: max(1, 24 - line.name.count)) + line.value + "\n"
        }
    }

    private func average(_ duration: Duration, over count: Int) -> String {
        count == 0 ? "none measured" : "\(fixed(duration / .microseconds(1) / Double(count), places: 2)) µs"
    }

    private func throughput(_ count: Int, in duration: Duration) -> String {
        duration == .zero
            ? "none measured" : "\(fixed(Double(count) / (duration / .seconds(1)), places: 0)) operations/s"
    }
}

/// A number with so many decimal places, as a person writes it.
func fixed(_ number: Double, places: Int) -> String {
    let scale = (0..<places).reduce(1.0) { scale, _ in scale * 10 }
    let digits = String(Int((number.magnitude * scale).rounded()))
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    let sign = number < 0 ? "-" : ""
    return places == 0 ? sign + padded : sign + padded.dropLast(places) + "." + padded.suffix(places)
}
