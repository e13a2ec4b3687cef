import Foundation

/// The time from the start of a server's process to its first answer.
struct StartUp: Codable, Sendable {
    let title: String
    /// One for each start.
    let milliseconds: [Double]
    let median: Double
    let fastest: Double
    let slowest: Double

    /// Starts a server again and again, each time on a port of its own, and stops it when it has answered.
    init(
        of program: URL, title: String, arguments: (_ port: Int) -> [String], times: Int = 10,
        in environment: RunEnvironment
    ) throws {
        var milliseconds: [Double] = []
        for _ in 0..<times {
            let port = try Loopback.freePort()
            let request = HTTPRequest(method: "GET", target: "/livez")
            let output = environment.file("start-\(program.lastPathComponent)-\(port).log")
            let start = ContinuousClock.now
            let server = try ChildProcess(program, arguments(port), output: output)
            try environment.waitUntil(server, answersWithin: .seconds(10)) {
                var connection = try TCPConnection(port: port)
                let reply = try connection.exchange(request, port: port)
                guard reply.status == 200 else { throw BenchmarkError("/livez answers \(reply.status)") }
            }
            milliseconds.append((ContinuousClock.now - start).seconds * 1000)
            try server.stop()
        }
        guard let median = milliseconds.median, let fastest = milliseconds.min(), let slowest = milliseconds.max()
        else { throw BenchmarkError("no start of \(title) was measured") }
        self.title = title
        self.milliseconds = milliseconds
        self.median = median
        self.fastest = fastest
        self.slowest = slowest
    }
}
