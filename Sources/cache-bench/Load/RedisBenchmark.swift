import Foundation

/// One use of redis-benchmark: a command with random keys, to one port, without pipelining.
///
/// It runs in one thread, as Redis does. With `--threads`, its threads look for the end of a run only four times a
/// second, which makes every run appear longer than it is.
struct RedisBenchmark {
    let executable: URL
    let command: [String]
    let port: Int
    let shape: LoadShape
    let output: URL

    init(_ command: [String], name: String, port: Int, shape: LoadShape, in environment: RunEnvironment) throws {
        executable = try Program.redisBenchmark.executable()
        self.command = command
        self.port = port
        self.shape = shape
        output = environment.file("\(name).out")
    }

    /// Sends a number of requests, and waits for the end.
    func run(requests: Int) throws -> LoadResult {
        let child = try ChildProcess(
            executable,
            [
                "-h", "127.0.0.1", "-p", "\(port)", "-c", "\(shape.connections)",
                "-n", "\(requests)", "-r", "\(Workload.keyCount)", "--csv",
            ] + command,
            output: output)
        let end = try child.wait()
        guard end.exitCode == 0, let text = try? String(contentsOf: output, encoding: .utf8),
            var result = Self.result(in: text, requests: requests)
        else {
            throw BenchmarkError("redis-benchmark failed:\n\(child.outputTail())")
        }
        result.processorTime = end.processorTime
        return result
    }

    /// Reads the table that `--csv` prints: the test's name, requests a second, then mean, least, p50, p95, p99 and
    /// greatest latency in milliseconds.
    static func result(in output: String, requests: Int) -> LoadResult? {
        guard let line = output.split(separator: "\n").last else { return nil }
        // The name may hold commas and quotes: what counts is what comes last.
        let figures = line.split(separator: ",").suffix(7).compactMap { Double($0.filter { $0 != "\"" }) }
        guard figures.count == 7, figures[0] > 0 else { return nil }
        return LoadResult(requests: requests, seconds: Double(requests) / figures[0], p50: figures[3], p99: figures[5])
    }
}
