import Foundation
import Glibc
import Synchronization

/// Ends the run in order when the user or the system asks for it.
enum Interruption {
    private static let signals = [SIGINT, SIGTERM, SIGHUP]
    private static let isEnding = Mutex(false)

    /// From now on, a signal that asks this process to end runs `cleanUp` and then ends it with the shell's exit code
    /// for that signal.
    ///
    /// Call it before the first thread is started, because threads inherit what is blocked here.
    static func handle(_ cleanUp: @escaping @Sendable () -> Void) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        Thread.detachNewThread { [set] in
            var set = set
            var signal: Int32 = 0
            sigwait(&set, &signal)
            isEnding.withLock { $0 = true }
            cleanUp()
            _exit(128 + signal)
        }
    }

    /// Never returns if the process is being ended by a signal: the errors of a run whose servers are being stopped
    /// under it are no news, and must not decide the exit code.
    static func absorb() {
        while isEnding.withLock({ $0 }) {
            Glibc.pause()
        }
    }
}
