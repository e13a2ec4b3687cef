import Foundation
import Glibc

/// Words on standard error about what is going on, apart from the report on standard output.
enum Progress {
    private static let isTerminal = isatty(STDERR_FILENO) == 1

    /// Writes a line that stays.
    static func say(_ text: String) {
        write((isTerminal ? "\r\u{1b}[K" : "") + text + "\n")
    }

    /// Writes what is being done now. On a terminal the next words take its place; in a log it is left out.
    static func show(_ text: String) {
        if isTerminal { write("\r\u{1b}[K" + text) }
    }

    /// Says so if figures mean nothing because of how this program was built.
    static func sayIfUnoptimized() {
        #if DEBUG
            say("built without optimization, and so is the server beside it: `make bench` builds for release")
        #endif
    }

    private static func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
