import Foundation
import Glibc

/// Time that processors spent, as Linux counts it in `/proc`, in steps of a clock tick (usually 10 ms).
enum ProcessorTime {
    /// The time spent by all living processes of some process groups.
    static func ofGroups(_ groups: Set<pid_t>) throws -> Duration {
        let entries = try FileManager.default.contentsOfDirectory(atPath: "/proc")
        var ticks = 0
        for entry in entries where entry.allSatisfy(\.isNumber) {
            // A process may end between the listing and the reading; it then belongs to no server that runs.
            guard let text = try? String(contentsOfFile: "/proc/\(entry)/stat", encoding: .utf8),
                let line = StatLine(text), groups.contains(line.group)
            else { continue }
            ticks += line.ticks
        }
        return duration(ofTicks: ticks)
    }

    /// What `/proc/PID/stat` says about a process.
    struct StatLine: Equatable {
        let group: pid_t
        /// Clock ticks in user and in kernel mode.
        let ticks: Int

        /// Reads the line of a process; nil if it is not one.
        init?(_ text: String) {
            // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
            guard let name = text.lastIndex(of: ")") else { return nil }
            let fields = text[text.index(after: name)...].split(separator: " ")
            guard fields.count > 12, let group = pid_t(fields[2]), let user = Int(fields[11]),
                let system = Int(fields[12])
            else { return nil }
            self.group = group
            ticks = user + system
        }
    }

    /// What the whole machine's processors did since it started, summed over them.
    struct Machine: Equatable {
        /// Running programs or the kernel.
        var busy: Duration
        /// Taken by the hypervisor for others.
        var stolen: Duration

        static func now() throws -> Machine {
            let text = try String(contentsOfFile: "/proc/stat", encoding: .utf8)
            guard let machine = Machine(text) else { throw BenchmarkError("/proc/stat has no line for all processors") }
            return machine
        }

        init?(_ text: String) {
            guard let line = text.split(separator: "\n").first, line.hasPrefix("cpu ") else { return nil }
            let ticks = line.split(separator: " ").dropFirst().compactMap { Int($0) }
            guard ticks.count >= 8 else { return nil }
            // user, nice, system, idle, iowait, irq, softirq, steal
            busy = duration(ofTicks: ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6])
            stolen = duration(ofTicks: ticks[7])
        }
    }

    private static func duration(ofTicks ticks: Int) -> Duration {
        .seconds(Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK))))
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
}
