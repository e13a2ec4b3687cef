import Glibc

/// What this process may use of the machine that it runs on: what the hardware has, less what its control group allows.
struct Machine: Sendable, Equatable {
    /// Processor cores, at least one. A quota that is not a whole number of them is rounded up.
    var cores: Int

    /// Memory in bytes; nil if the system does not say.
    var memory: Int?

    /// Whether standard output is a terminal.
    var outputIsTerminal: Bool

    /// The machine that this process runs on.
    static func current() -> Machine {
        let limits = ResourceLimits { path in
            // A file that is not there is how a system without that kind of control group says so.
            do throws(SystemError) {
                return String(decoding: try File.contents(of: path), as: UTF8.self)
            } catch {
                return nil
            }
        }
        return Machine(
            cores: limits.cores ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), memory: limits.memory,
            outputIsTerminal: isatty(STDOUT_FILENO) == 1)
    }
}

/// The limits that the kernel's files tell of: those of the control group and each group around it, versions 1 and 2, those
/// of the scheduler, and those of the machine.
struct ResourceLimits: Equatable {
    /// Cores, or the worth of as many in processor time, rounded up; at least one; nil if no file tells of a limit.
    let cores: Int?

    /// The least limit on memory in bytes; nil if there is none.
    let memory: Int?

    /// Finds the limits in the texts of files; `read` returns nil for one that does not exist.
    init(read: (String) -> String?) {
        let groups = ControlGroups(read("/proc/self/cgroup") ?? "")
        var memory: [Int] = []
        var cores: [Int] = []
        for directory in groups.unified {
            memory += Self.number(read(directory + "/memory.max"))
            // "max 100000": a quota in microseconds, or none, in a period of so many.
            let quota = (read(directory + "/cpu.max") ?? "").split { $0.isWhitespace }.map { Int($0) ?? 0 }
            if quota.count == 2 { cores += Self.cores(quota: quota[0], period: quota[1]) }
        }
        for directory in groups.memory {
            memory += Self.number(read(directory + "/memory.limit_in_bytes"))
        }
        for directory in groups.cpu {
            let quota = Self.number(read(directory + "/cpu.cfs_quota_us")).first ?? 0
            let period = Self.number(read(directory + "/cpu.cfs_period_us")).first ?? 0
            cores += Self.cores(quota: quota, period: period)
        }
        for line in (read("/proc/meminfo") ?? "").split(separator: "\n") where line.hasPrefix("MemTotal:") {
            let words = line.split { $0.isWhitespace }
            if words.count == 3, words[2] == "kB", let kibibytes = Int(words[1]) { memory.append(kibibytes * 1024) }
        }
        for line in (read("/proc/self/status") ?? "").split(separator: "\n") where line.hasPrefix("Cpus_allowed:") {
            // A bit for each core that the scheduler may use, in hexadecimal digits with commas between.
            let allowed = line.dropFirst("Cpus_allowed:".count).reduce(0) { count, digit in
                count + (digit.hexDigitValue?.nonzeroBitCount ?? 0)
            }
            if allowed > 0 { cores.append(allowed) }
        }
        self.memory = memory.min()
        self.cores = cores.min()
    }

    /// The number in a file of one, or none: for "max", which is no limit, as for a file that does not exist.
    private static func number(_ text: String?) -> [Int] {
        (text?.split { $0.isWhitespace }.first).flatMap { Int($0) }.map { [$0] } ?? []
    }

    private static func cores(quota: Int, period: Int) -> [Int] {
        quota > 0 && period > 0 ? [quota / period + (quota % period == 0 ? 0 : 1)] : []
    }
}

/// The directories where the limits on this process stand: those of its groups and of each group around them.
///
/// A container sees its own group at the root, whatever the name that `/proc/self/cgroup` gives, so the root is always
/// among them.
private struct ControlGroups {
    let unified: [String]
    let memory: [String]
    let cpu: [String]

    /// - Parameter text: that of `/proc/self/cgroup`, lines of `hierarchy:controllers:path`.
    init(_ text: String) {
        var paths: [Substring: String] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            // Version 2 has one hierarchy, that names no controllers.
            for controller in fields[1].split(separator: ",", omittingEmptySubsequences: false) {
                paths[controller] = String(fields[2])
            }
        }
        unified = Self.directories(from: "/sys/fs/cgroup", to: paths[""])
        memory = Self.directories(from: "/sys/fs/cgroup/memory", to: paths["memory"])
        cpu = Self.directories(from: "/sys/fs/cgroup/cpu", to: paths["cpu"])
    }

    private static func directories(from root: String, to path: String?) -> [String] {
        var directories = [root]
        for name in (path ?? "").split(separator: "/") where name != ".." {
            directories.append((directories.last ?? root) + "/" + name)
        }
        return directories
    }
}
