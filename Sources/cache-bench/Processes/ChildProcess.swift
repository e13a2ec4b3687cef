import Foundation
import Glibc
import Synchronization

/// A program started by this process, in a process group of its own and with its output in a file.
///
/// The group makes a server and the workers that it forks one thing to stop and to account for, and keeps a Ctrl-C in
/// the terminal from reaching the servers before the run has ended in order.
final class ChildProcess: Sendable {
    /// How a program ended.
    struct End: Sendable {
        /// The exit code; nil when a signal ended the program.
        let exitCode: Int32?
        /// Time on a processor, in user and kernel mode, of the program and of the children that it waited for.
        let processorTime: Duration
    }

    /// What the messages call the program.
    let name: String
    /// The process and the process group.
    let id: pid_t
    /// The file that takes standard output and standard error.
    let output: URL

    private let end = Mutex<End?>(nil)

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - executable: The program's path.
    ///   - output: The file that takes what the program writes; emptied if it exists.
    ///   - environment: Everything that the program finds in its environment, so that a variable of the user's shell
    ///     cannot configure a server that is measured.
    /// - Throws: `BenchmarkError` when the program cannot be started or the run is being interrupted.
    init(_ executable: URL, _ arguments: [String], output: URL, environment: [String: String] = [:]) throws {
        name = executable.lastPathComponent
        self.output = output
        let variables = environment.merging(["PATH": ProgramPath.directories.joined(separator: ":")]) { own, _ in own }
        id = try RunningChildren.add {
            try Self.spawn(
                executable.path, [executable.path] + arguments, variables.map { "\($0)=\($1)" }, output: output.path)
        }
    }

    private static func spawn(
        _ path: String, _ arguments: [String], _ environment: [String], output: String
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)

        // This process blocks the signals that end it (`Interruption`); a child must not inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

        var process: pid_t = 0
        let code = withCStrings(arguments) { arguments in
            withCStrings(environment) { posix_spawn(&process, path, &actions, &attributes, arguments, $0) }
        }
        guard code == 0 else { throw BenchmarkError("cannot start \(path)", errno: code) }
        return process
    }

    /// How the program ended; nil while it runs.
    func endIfEnded() throws -> End? {
        try collect(waiting: false)
    }

    /// Waits until the program has ended.
    func wait() throws -> End {
        guard let end = try collect(waiting: true) else { throw BenchmarkError("\(name) did not end") }
        return end
    }

    /// Asks the program to end, and ends it if it has not done so within `grace`. Does nothing if it has ended before.
    func stop(grace: Duration = .seconds(3)) throws {
        RunningChildren.signal(id, SIGTERM)
        let deadline = ContinuousClock.now + grace
        while try endIfEnded() == nil {
            if ContinuousClock.now > deadline {
                RunningChildren.signal(id, SIGKILL)
                _ = try wait()
                return
            }
            pause(.milliseconds(1))
        }
    }

    /// The last lines that the program wrote, for a message about its failure.
    func outputTail(lines: Int = 5) -> String {
        guard let text = try? String(contentsOf: output, encoding: .utf8) else { return "(it wrote nothing)" }
        let tail = text.split(separator: "\n").suffix(lines)
        return tail.isEmpty ? "(it wrote nothing)" : tail.joined(separator: "\n")
    }

    private func collect(waiting: Bool) throws -> End? {
        try end.withLock { end in
            if let end { return end }
            // WNOWAIT leaves the process to be reaped, and its number taken, until `RunningChildren` forgets it.
            var information = siginfo_t()
            while waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT | (waiting ? 0 : WNOHANG)) != 0 {
                guard errno == EINTR else { throw BenchmarkError("cannot wait for \(name)", errno: errno) }
            }
            guard information.si_signo == SIGCHLD else { return nil }
            end = RunningChildren.reap(id)
            return end
        }
    }
}

/// Pauses a loop that watches for a condition, so that the watching does not take the processor from what it watches.
func pause(_ duration: Duration) {
    var time = timespec(
        tv_sec: Int(duration.components.seconds),
        tv_nsec: Int(duration.components.attoseconds / 1_000_000_000))
    nanosleep(&time, nil)
}

/// Calls `body` with a null-terminated array of C strings, which lives as long as the call.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers = strings.map { strdup($0) }
    pointers.append(nil)
    defer {
        for pointer in pointers { free(pointer) }
    }
    return body(pointers)
}
