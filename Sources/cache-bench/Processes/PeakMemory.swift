import Foundation
import Glibc

/// The most memory (RSS) that a process has had, as Linux counts it, since it was asked to forget.
enum PeakMemory {
    static func reset(of id: pid_t) throws {
        // The number that stands for this in proc(5).
        guard (try? "5".write(toFile: "/proc/\(id)/clear_refs", atomically: false, encoding: .utf8)) != nil else {
            throw BenchmarkError("cannot reset the peak of the memory of process \(id)")
        }
    }

    static func of(_ id: pid_t) throws -> Int {
        guard let text = try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8), let bytes = bytes(in: text)
        else { throw BenchmarkError("cannot read the peak of the memory of process \(id)") }
        return bytes
    }

    /// Finds the line `VmHWM:  1234 kB`.
    static func bytes(in status: String) -> Int? {
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let number = line?.split(whereSeparator: \.isWhitespace).dropFirst().first else { return nil }
        return Int(number).map { $0 << 10 }
    }
}
