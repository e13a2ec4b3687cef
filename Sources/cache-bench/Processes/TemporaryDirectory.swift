import Foundation
import Glibc

/// A directory of this run alone, for configurations and for what the programs write.
struct TemporaryDirectory: Sendable {
    let url: URL

    init() throws {
        let template = FileManager.default.temporaryDirectory.appendingPathComponent("cache-bench.XXXXXX").path
        var path = Array(template.utf8CString)
        let made = path.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } }
        guard let made else { throw BenchmarkError("cannot make \(template)", errno: errno) }
        // Servers started by root give up its rights, and still have to reach their files.
        guard chmod(made, 0o755) == 0 else { throw BenchmarkError("cannot open \(made) to other users", errno: errno) }
        url = URL(fileURLWithPath: made)
    }

    /// Removes the directory with all in it; says so if it cannot.
    func remove() {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            Progress.say("cannot remove \(url.path): \(error.localizedDescription)")
        }
    }
}
