import ArgumentParser
import Foundation

/// `cache-bench memory-trial`: what `cache-bench memory` starts for a trial.
struct MemoryTrialCommand: ParsableCommand {
    static let name = "memory-trial"
    static let configuration = CommandConfiguration(
        commandName: name, abstract: "Performs one trial of the memory benchmark, and prints its outcome as JSON.",
        shouldDisplay: false)

    @Argument(help: "The kind of trial.")
    var kind: String

    @Argument(help: "The trial as JSON.")
    var trial: String

    func run() throws {
        let outcome =
            switch kind {
            case FillTrial.name: try outcome(of: FillTrial.self)
            case ChurnTrial.name: try outcome(of: ChurnTrial.self)
            case ClearTrial.name: try outcome(of: ClearTrial.self)
            case PauseTrial.name: try outcome(of: PauseTrial.self)
            default: throw ValidationError("there is no trial \(kind)")
            }
        try FileHandle.standardOutput.write(contentsOf: outcome)
    }

    private func outcome<Trial: MemoryTrial>(of kind: Trial.Type) throws -> Data {
        try JSONEncoder().encode(JSONDecoder().decode(kind, from: Data(trial.utf8)).perform())
    }
}
