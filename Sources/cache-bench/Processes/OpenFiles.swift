import Glibc

/// How many files and sockets this process, and those that it starts, may have open.
enum OpenFiles {
    /// Raises the bound to at least `count`, as far as the system lets a process do so itself.
    static func allow(_ count: Int) throws {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw BenchmarkError("cannot read how many files may be open", errno: errno)
        }
        guard limit.rlim_cur < count else { return }
        guard limit.rlim_max >= count else {
            throw BenchmarkError("\(limit.rlim_max) files may be open; allow \(count) by ulimit -n")
        }
        limit.rlim_cur = limit.rlim_max
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw BenchmarkError("cannot raise how many files may be open", errno: errno)
        }
    }
}
