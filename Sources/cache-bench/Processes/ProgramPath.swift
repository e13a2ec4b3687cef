import Foundation

/// Where programs are found.
enum ProgramPath {
    /// The directories of `PATH`, then those that hold servers and that a plain user's `PATH` leaves out.
    static let directories: [String] = {
        let path = ProcessInfo.processInfo.environment["PATH", default: ""].split(separator: ":").map(String.init)
        return path + ["/usr/local/sbin", "/usr/sbin", "/sbin"].filter { !path.contains($0) }
    }()

    /// The executable file of that name.
    static func find(_ name: String) -> URL? {
        directories.lazy
            .map { URL(fileURLWithPath: $0).appendingPathComponent(name) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }

    /// The executable file that this process runs.
    static func ofThisProgram() throws -> URL {
        URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    }

    /// The executable file of that name in the directory of this program, where one build puts them all.
    static func besideThisProgram(_ name: String) throws -> URL {
        let program = try ofThisProgram().deletingLastPathComponent().appendingPathComponent(name)
        guard FileManager.default.isExecutableFile(atPath: program.path) else {
            throw BenchmarkError("\(program.path) is missing: build all products first, as `make bench` does")
        }
        return program
    }
}
