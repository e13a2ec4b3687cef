import Foundation
import Glibc

/// What the figures of a run were measured on.
struct Machine: Codable, Sendable {
    let processor: String
    let cores: Int
    /// Bytes.
    let memory: UInt64
    let kernel: String
    let system: String

    static func this() throws -> Machine {
        var name = utsname()
        uname(&name)
        let kernel = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return Machine(
            processor: try field("model name", of: "/proc/cpuinfo", separator: ":") ?? "unknown processor",
            cores: ProcessInfo.processInfo.activeProcessorCount,
            memory: ProcessInfo.processInfo.physicalMemory,
            kernel: "Linux \(kernel)",
            system: try field("PRETTY_NAME", of: "/etc/os-release", separator: "=") ?? "unknown system")
    }

    /// The value of a name in a file of lines `name separator value`.
    private static func field(_ name: String, of file: String, separator: Character) throws -> String? {
        try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").lazy
            .map { $0.split(separator: separator, maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) } }
            .first { $0.count == 2 && $0[0] == name }
            .map { $0[1].trimmingCharacters(in: ["\""]) }
    }
}
