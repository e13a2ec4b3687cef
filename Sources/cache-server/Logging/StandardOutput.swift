import Glibc
import Synchronization

/// Standard output, which the log's lines go to, and those of the access log if it has no file of its own.
enum StandardOutput {
    /// The descriptor that is written to.
    ///
    /// A pipe is opened a second time, so as not to wait: who holds the other end and does not read would else stop the server, and
    /// its stop too. The one that was inherited is shared with others, who may not expect that. Where it cannot be opened (as one of
    /// another user), the inherited one has to do.
    static let descriptor: CInt = {
        var status = stat()
        guard fstat(STDOUT_FILENO, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return STDOUT_FILENO }
        let own = open("/proc/self/fd/\(STDOUT_FILENO)", O_WRONLY | O_CLOEXEC | O_NONBLOCK)
        return own >= 0 ? own : STDOUT_FILENO
    }()

    /// How long a line of the log waits for who reads it.
    private static let patience = Duration.seconds(1)
    /// Whether a bar stands on the terminal's last line.
    private static let lock = Mutex(false)

    /// Carriage return, and what clears the line (ECMA-48, erase in line).
    private static let clearLine = "\r\u{1B}[K"

    /// Writes a line. It is lost if nobody takes it.
    static func write(_ line: String) {
        lock.withLock { hasBar in
            put(hasBar ? clearLine + line : line)
            hasBar = false
        }
    }

    /// Shows a bar on a terminal, in the place of the one before, until a line is written.
    static func show(bar: String) {
        lock.withLock { hasBar in
            put(clearLine + bar)
            hasBar = true
        }
    }

    private static func put(_ text: String) {
        do throws(SystemError) {
            try File.write(text, to: descriptor, patience: patience)
        } catch {
            // Nobody is there to read of it. The server serves on.
        }
    }
}
