import Glibc

/// The most files and sockets that this process may have open.
enum OpenFileLimit {
    /// Raises the limit to `count`, as far as the system allows without privilege. Most systems begin with 1024, which is
    /// less than a server has connections.
    ///
    /// - Returns: the limit as it is now.
    static func raise(to count: Int) -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return .max }
        let wanted = min(rlim_t(count), limit.rlim_max)
        if limit.rlim_cur < wanted {
            var raised = limit
            raised.rlim_cur = wanted
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
