import Foundation
import Glibc

/// Bytes of a process that are in the machine's memory (RSS), as Linux counts them.
enum ResidentMemory {
    static func ofThisProcess() throws -> Int {
        try ofProcess(getpid())
    }

    static func ofProcess(_ id: pid_t) throws -> Int {
        guard let text = try? String(contentsOfFile: "/proc/\(id)/statm", encoding: .utf8), let bytes = bytes(in: text)
        else { throw BenchmarkError("cannot read the memory of process \(id): it may have ended") }
        return bytes
    }

    /// Reads a line of `/proc/PID/statm`, which counts pages: all, resident, and others.
    static func bytes(in line: String) -> Int? {
        let pages = line.split(separator: " ").prefix(2).compactMap { Int($0) }
        return pages.count == 2 ? pages[1] * sysconf(Int32(_SC_PAGESIZE)) : nil
    }
}
