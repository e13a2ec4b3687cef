import Logging
import UnixSignals

/// What is read anew when SIGHUP comes: each a name for the log, and an action that throws if what it read is unusable, and
/// leaves all as it is then.
struct Reload: Sendable {
    let actions: [(name: String, action: @Sendable () throws -> Void)]
    let logger: Logger

    /// Reads anew at each signal, until the task is cancelled. Without actions the signal is taken all the same, as it would end the
    /// process.
    func run(at signals: some AsyncSequence<UnixSignal, Never>) async {
        for await _ in signals { readAnew() }
    }

    func readAnew() {
        if actions.isEmpty { logger.info("nothing to reload") }
        for (name, action) in actions {
            do {
                try action()
                logger.info("reloaded", metadata: ["what": "\(name)"])
            } catch {
                logger.error("not reloaded: the former stays", metadata: ["what": "\(name)", "error": "\(error)"])
            }
        }
    }
}
