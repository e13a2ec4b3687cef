import Glibc
import Synchronization

/// The processes that this one has started and not yet reaped: all that an interrupted run has to end.
///
/// A child is reaped only under the lock under which it is signalled, so a signal never goes to a number that the
/// kernel has given to another process.
enum RunningChildren {
    private struct State {
        var processes: Set<pid_t> = []
        var isClosed = false
    }

    private static let state = Mutex(State())

    /// Runs `spawn` and takes note of the process that it starts.
    static func add(_ spawn: () throws -> pid_t) throws -> pid_t {
        try state.withLock { state in
            guard !state.isClosed else { throw BenchmarkError("interrupted") }
            let process = try spawn()
            state.processes.insert(process)
            return process
        }
    }

    /// Sends a signal to the group of a process, unless it was reaped already.
    static func signal(_ process: pid_t, _ signal: Int32) {
        state.withLock { state in
            if state.processes.contains(process) {
                kill(-process, signal)
            }
        }
    }

    /// Reaps a process that is known to have ended.
    static func reap(_ process: pid_t) -> ChildProcess.End {
        state.withLock { state in
            var status: Int32 = 0
            var usage = rusage()
            wait4(process, &status, 0, &usage)
            state.processes.remove(process)
            let exited = status & 0x7f == 0
            return ChildProcess.End(
                exitCode: exited ? (status >> 8) & 0xff : nil,
                processorTime: Duration(usage.ru_utime) + Duration(usage.ru_stime))
        }
    }

    /// Ends every child and starts no more. For the way out of an interrupted run.
    static func endAll(grace: Duration = .seconds(2)) {
        state.withLock { state in
            state.isClosed = true
            for process in state.processes { kill(-process, SIGTERM) }
            let deadline = ContinuousClock.now + grace
            while !state.processes.isEmpty, ContinuousClock.now < deadline {
                state.processes = state.processes.filter { waitpid($0, nil, WNOHANG) == 0 }
                pause(.milliseconds(1))
            }
            for process in state.processes {
                kill(-process, SIGKILL)
                waitpid(process, nil, 0)
            }
            state.processes = []
        }
    }
}

extension Duration {
    fileprivate init(_ time: timeval) {
        self = .seconds(time.tv_sec) + .microseconds(time.tv_usec)
    }
}
