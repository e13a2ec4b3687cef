import Foundation

/// Something done to a cache in a process of its own, so that what the process takes is the cache's and nothing else's.
protocol MemoryTrial: Codable, Sendable {
    associatedtype Outcome: Codable & Sendable

    /// What the command line calls it.
    static var name: String { get }

    func perform() throws -> Outcome
}

extension RunEnvironment {
    /// Performs a trial in a new process of this program.
    func perform<Trial: MemoryTrial>(_ trial: Trial) throws -> Trial.Outcome {
        let text = String(decoding: try JSONEncoder().encode(trial), as: UTF8.self)
        let child = try ChildProcess(
            ProgramPath.ofThisProgram(), [MemoryTrialCommand.name, Trial.name, text],
            output: file("\(Trial.name)-\(UUID().uuidString).out"))
        let end = try child.wait()
        guard end.exitCode == 0 else {
            let how = end.exitCode.map { "exit code \($0)" } ?? "a signal"
            throw BenchmarkError("the trial \(Trial.name) \(text) ended with \(how):\n\(child.outputTail())")
        }
        return try JSONDecoder().decode(Trial.Outcome.self, from: Data(contentsOf: child.output))
    }
}
