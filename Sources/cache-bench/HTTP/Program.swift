import Foundation

/// A program that a run needs.
struct Program: Sendable, Hashable {
    let name: String
    /// The Debian and Ubuntu package that has it.
    let package: String
    /// The arguments that make it state its version; nil when none do.
    var versionArguments: [String]?

    static let wrk = Program(name: "wrk", package: "wrk", versionArguments: ["-v"])
    static let h2load = Program(name: "h2load", package: "nghttp2-client", versionArguments: ["--version"])
    static let nginx = Program(name: "nginx", package: "nginx-light", versionArguments: ["-v"])
    static let memcached = Program(name: "memcached", package: "memcached", versionArguments: ["-V"])
    static let webdis = Program(name: "webdis", package: "webdis")
    static let redisServer = Program(name: "redis-server", package: "redis-server", versionArguments: ["--version"])
    static let redisBenchmark = Program(
        name: "redis-benchmark", package: "redis-tools", versionArguments: ["--version"])

    /// Where the program is.
    ///
    /// - Throws: `BenchmarkError` that names the package to install, if it is nowhere.
    func executable() throws -> URL {
        guard let executable = ProgramPath.find(name) else {
            throw BenchmarkError("\(name) is not installed (apt install \(package))")
        }
        return executable
    }

    /// The version that the program states, or else that of its package; nil when neither is known.
    func version(of executable: URL, in environment: RunEnvironment) throws -> String? {
        let question: (URL, [String])? =
            if let versionArguments {
                (executable, versionArguments)
            } else {
                ProgramPath.find("dpkg-query").map { ($0, ["-W", "-f", "${Version}", package]) }
            }
        guard let question else { return nil }
        let child = try ChildProcess(question.0, question.1, output: environment.file("\(name)-version.log"))
        _ = try child.wait()
        let text = try String(contentsOf: child.output, encoding: .utf8)
        // The first thing that looks like a version: programs wrap theirs in words of many kinds.
        return text.split { $0.isWhitespace || "/=,[]".contains($0) }
            .first { $0.contains(".") && $0.first?.isNumber == true }
            .map(String.init)
    }
}
