#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What becomes of a write to a peer that has gone.
package enum BrokenPipes {
    /// Lets such a write on this thread fail, where the signal would end the process.
    package static func failWrites() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
