import Foundation

/// One use of wrk: requests from a file to one port.
struct Wrk {
    let executable: URL
    let script: URL
    let requests: URL
    let port: Int
    let shape: LoadShape

    /// Lays out the script and the requests as files.
    init(_ requests: [HTTPRequest], name: String, port: Int, shape: LoadShape, in environment: RunEnvironment) throws {
        executable = try Program.wrk.executable()
        self.port = port
        self.shape = shape
        script = try environment.write(Self.scriptText, to: "load.lua")
        let texts = requests.map { $0.text(port: port) }
        self.requests = try environment.write(texts.map { "\($0.utf8.count)\n\($0)" }.joined(), to: "\(name).requests")
    }

    /// Sends the load for as long as its shape says, and waits for the end.
    func run(seconds: Int) throws -> LoadResult {
        let output = requests.appendingPathExtension("out")
        let child = try ChildProcess(
            executable,
            [
                "-t", "\(shape.threads)", "-c", "\(shape.connections)", "-d", "\(seconds)s", "-s", script.path,
                "http://127.0.0.1:\(port)/", "--", requests.path,
            ],
            output: output)
        let end = try child.wait()
        guard end.exitCode == 0, let text = try? String(contentsOf: output, encoding: .utf8),
            var result = Self.result(in: text)
        else {
            throw BenchmarkError("wrk failed:\n\(child.outputTail())")
        }
        result.processorTime = end.processorTime
        return result
    }

    /// Reads the line of figures that the script prints at the end of a run.
    static func result(in output: String) -> LoadResult? {
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("figures ") }) else { return nil }
        let figures = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard figures.count == 6, figures[0] > 0, figures[1] > 0 else { return nil }
        return LoadResult(
            requests: Int(figures[0]), seconds: figures[1] / 1e6, p50: figures[2] / 1e3, p99: figures[3] / 1e3,
            refused: Int(figures[4]), broken: Int(figures[5]))
    }

    /// The same for every system and scenario: they differ in the file of requests alone. The requests are made ready
    /// before the clock starts; sending one costs a step in a table.
    private static let scriptText = """
        local threads = 0

        function setup(thread)
            thread:set("number", threads)
            threads = threads + 1
            thread:set("place", 0)
        end

        function init(arguments)
            local file = assert(io.open(arguments[1], "rb"))
            requests = {}
            while true do
                local length = file:read("*n")
                if not length then break end
                file:read(1)
                requests[#requests + 1] = file:read(length)
            end
            file:close()
            place = math.floor(#requests / 7) * number % #requests
        end

        function request()
            place = place % #requests + 1
            return requests[place]
        end

        function done(summary, latency)
            local errors = summary.errors
            io.write(string.format(
                "figures %d %d %.3f %.3f %d %d\\n", summary.requests, summary.duration,
                latency:percentile(50), latency:percentile(99), errors.status,
                errors.connect + errors.read + errors.write + errors.timeout))
        end

        """
}
