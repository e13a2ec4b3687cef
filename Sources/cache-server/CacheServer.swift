import ArgumentParser
import FoundationEssentials
import Glibc

/// The program: serves a cache, shows one at work, or asks a server whether it is ready.
@main
struct CacheServer: AsyncParsableCommand {
    /// The version that `--version`, the log, `/metrics` and the contract tell.
    static let version = "0.1.0"

    // Without help flags of its own, so that `--help` alone is the help of the command that runs when none is named.
    static let configuration = CommandConfiguration(
        commandName: "cache-server",
        abstract: "A cache in memory, served over HTTP as JSON.",
        version: version,
        subcommands: [Serve.self, Demo.self, Healthcheck.self],
        defaultSubcommand: Serve.self,
        helpNames: [])

    static func main() async {
        do {
            var command = try await asyncParseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            do throws(SystemError) {
                try File.write("cache-server: \(failure.message)\n", to: STDERR_FILENO)
            } catch {
                // With standard error closed, the exit status alone has to tell.
            }
            if failure.isAbrupt { _exit(failure.exitCode.rawValue) }
            exit(withError: failure.exitCode)
        } catch {
            exit(withError: error)
        }
    }
}

/// The end of a command that could not do its work: one line for standard error, and the status to exit with.
struct CommandFailure: Error, Equatable {
    let message: String
    let exitCode: ExitCode
    /// Whether the process is to end without the tidying up that libraries do at its end, because threads are still within them.
    var isAbrupt = false
}

extension CommandFailure {
    /// A setting that the server cannot run with: `EX_USAGE`.
    init(_ error: SettingError) {
        self.init(message: error.description, exitCode: ExitCode(EX_USAGE))
    }
}

extension SettingSources {
    /// The flags given, the environment of this process, and the file that one of them names.
    static func ofProcess(flags: [SettingName: String]) throws(CommandFailure) -> SettingSources {
        do throws(SettingError) {
            return try SettingSources(flags: flags, environment: ProcessInfo.processInfo.environment)
        } catch {
            throw CommandFailure(error)
        }
    }
}
