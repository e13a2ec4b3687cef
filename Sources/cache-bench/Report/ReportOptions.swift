import ArgumentParser
import Foundation

/// What becomes of the report, the same for every benchmark that has one.
struct ReportOptions: ParsableArguments {
    @Option(help: "The directory for the result file.", completion: .directory)
    var output = "bench-results"

    @Flag(help: "Print the table of the README instead of the report.")
    var markdown = false

    @Flag(help: "Print the result file instead of the report.")
    var json = false

    @Flag(help: "End with 2 if a target was missed.")
    var check = false

    func validate() throws {
        if markdown && json {
            throw ValidationError("--markdown and --json exclude each other: each prints instead of the report")
        }
    }

    /// Writes the result file, prints the report, and ends the program with the code that the figures deserve.
    ///
    /// - Parameter targets: What the run was asked to measure of the targets.
    /// - Throws: `ExitCode`: 1 if figures mean nothing; under `--check` 2 if a target was missed or not measured.
    func publish(_ report: some BenchmarkReport, targets: [TargetResult]) throws {
        let file = try report.write(to: URL(fileURLWithPath: output))
        let text = json ? try report.json() + Data("\n".utf8) : Data((markdown ? report.markdown : report.text).utf8)
        try FileHandle.standardOutput.write(contentsOf: text)
        Progress.say("written to \(file.relativePath)")
        // The text says both; these do not.
        if markdown || json {
            if let unrest = report.unrest { Progress.say(unrest) }
            for problem in report.problems { Progress.say("invalid: \(problem)") }
        }
        if !report.problems.isEmpty { throw ExitCode(1) }
        if check, !targets.allSatisfy({ $0.isReached == true }) { throw ExitCode(2) }
    }
}
