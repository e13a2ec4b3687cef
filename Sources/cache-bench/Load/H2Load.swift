import Foundation
import Histogram

/// One use of h2load: GETs of many keys over HTTP/1.1 to one port, at a rate that does not wait for the answers.
///
/// A connection has one request on its way at a time. What falls due meanwhile is sent late, not left out, but its time
/// counts from when it is sent: a rate that the server can't keep up with keeps every connection busy, and no more.
struct H2Load {
    let executable: URL
    let requests: URL
    let port: Int
    let shape: LoadShape

    /// Times of requests that started within this much of the first are left out: connections are made then, all at once.
    private static let settling = 0.5
    private static let mostMicroseconds: UInt64 = 600_000_000

    /// Lays out the addresses as a file.
    init(_ requests: [HTTPRequest], name: String, port: Int, shape: LoadShape, in environment: RunEnvironment) throws {
        executable = try Program.h2load.executable()
        self.port = port
        self.shape = shape
        let addresses = requests.map { "http://127.0.0.1:\(port)\($0.target)\n" }
        self.requests = try environment.write(addresses.joined(), to: "\(name).addresses")
    }

    /// Sends the load for as long as it is told to, and waits for the end.
    func run(seconds: Int) throws -> LoadResult {
        let log = requests.appendingPathExtension("log")
        try Data().write(to: log)
        let rate = shape.rate.map { ["--rps", "\($0 / Double(shape.connections))"] } ?? []
        let child = try ChildProcess(
            executable,
            [
                "--h1", "-t", "\(shape.threads)", "-c", "\(shape.connections)", "-D", "\(seconds)",
                "--log-file", log.path, "-i", requests.path,
            ] + rate,
            output: requests.appendingPathExtension("out"))
        let end = try child.wait()
        guard end.exitCode == 0, var result = Self.result(in: try Data(contentsOf: log), seconds: Double(seconds))
        else {
            throw BenchmarkError("h2load failed:\n\(child.outputTail())")
        }
        result.processorTime = end.processorTime
        return result
    }

    /// Reads what `--log-file` holds, a line a request: when it started, in microseconds since 1970; the answer's status,
    /// -1 if there was none; and how many microseconds it took. Later versions may have further columns.
    ///
    /// - Returns: nil when a line can't be read, or no request had an answer after the beginning.
    static func result(in log: Data, seconds: Double) -> LoadResult? {
        var rows: [(start: UInt64, microseconds: UInt64)] = []
        var result = LoadResult(requests: 0, seconds: seconds, p50: 0, p99: 0)
        for line in log.split(separator: UInt8(ascii: "\n")) {
            let columns = line.split(separator: UInt8(ascii: "\t"), maxSplits: 3)
            guard columns.count >= 3, let start = UInt64(ascii: columns[0]),
                let microseconds = UInt64(ascii: columns[2])
            else { return nil }
            guard let status = UInt64(ascii: columns[1]) else {
                result.broken += 1
                continue
            }
            result.requests += 1
            if status > 399 { result.refused += 1 }
            rows.append((start, microseconds))
        }
        guard let first = rows.lazy.map(\.start).min() else { return nil }
        var times = Histogram<UInt32>(highestTrackableValue: mostMicroseconds, numberOfSignificantValueDigits: .three)
        for row in rows where row.start >= first + UInt64(settling * 1e6) {
            times.record(min(row.microseconds, mostMicroseconds))
        }
        guard times.totalCount > 0 else { return nil }
        result.p50 = Double(times.valueAtPercentile(50)) / 1000
        result.p99 = Double(times.valueAtPercentile(99)) / 1000
        return result
    }
}

extension UInt64 {
    /// A number in decimal digits; nil if there are others, as a sign is, or too many.
    fileprivate init?(ascii digits: Data) {
        guard !digits.isEmpty, digits.count < 20 else { return nil }
        self = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            self = self * 10 + UInt64(digit - UInt8(ascii: "0"))
        }
    }
}
