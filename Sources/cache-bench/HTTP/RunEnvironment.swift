import Foundation

/// What the systems of one run are started with: the programs, the number of cores, and the directory for
/// configurations and output.
struct RunEnvironment: Sendable {
    let directory: URL
    /// The server that is measured.
    let cacheServer: URL
    let bareResponder: URL
    /// Threads or workers that a system gets, if it can use more than one.
    let cores = ProcessInfo.processInfo.activeProcessorCount

    /// - Parameter cacheServer: The server to measure; nil takes the one beside this program.
    init(directory: TemporaryDirectory, cacheServer: String?) throws {
        self.directory = directory.url
        if let cacheServer {
            guard FileManager.default.isExecutableFile(atPath: cacheServer) else {
                throw BenchmarkError("--server \(cacheServer): no such program; give the path of a cache-server")
            }
            self.cacheServer = URL(fileURLWithPath: cacheServer)
        } else {
            self.cacheServer = try ProgramPath.besideThisProgram("cache-server")
        }
        bareResponder = try ProgramPath.besideThisProgram("bare-responder")
    }

    /// Starts a program of the distribution and waits until it listens on `port`.
    func start(_ program: Program, _ arguments: [String], port: Int) throws -> ChildProcess {
        try start(program.executable(), arguments, port: port)
    }

    /// Starts a program and waits until it listens on `port`.
    func start(_ executable: URL, _ arguments: [String], port: Int) throws -> ChildProcess {
        let name = executable.lastPathComponent
        let child = try ChildProcess(executable, arguments, output: file("\(name)-\(port).log"))
        do {
            try waitUntil(child, answersWithin: .seconds(10)) { _ = try TCPConnection(port: port) }
        } catch {
            try child.stop()
            throw error
        }
        return child
    }

    /// Waits until `attempt` succeeds, as it does once `child` answers.
    ///
    /// - Throws: `BenchmarkError` with what the child wrote, if it ends or does not answer in time.
    func waitUntil(_ child: ChildProcess, answersWithin limit: Duration, attempt: () throws -> Void) throws {
        let deadline = ContinuousClock.now + limit
        while true {
            do {
                return try attempt()
            } catch let reason as BenchmarkError {
                if try child.endIfEnded() != nil {
                    throw BenchmarkError("\(child.name) ended while starting:\n\(child.outputTail())")
                }
                guard ContinuousClock.now < deadline else {
                    throw BenchmarkError("\(child.name) does not answer: \(reason)\n\(child.outputTail())")
                }
                pause(.microseconds(200))
            }
        }
    }

    /// The path of a file in the directory.
    func file(_ name: String) -> URL {
        directory.appendingPathComponent(name)
    }

    /// Writes a file into the directory.
    @discardableResult
    func write(_ text: String, to name: String) throws -> URL {
        let file = file(name)
        try text.write(to: file, atomically: false, encoding: .utf8)
        return file
    }
}
