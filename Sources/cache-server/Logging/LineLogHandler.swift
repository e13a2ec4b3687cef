import Logging

/// Writes each event of the log as one line.
struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    private let format: LogFormat
    private let now: @Sendable () -> Timestamp
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - now: the time of an event.
    ///   - write: takes a line with its end. Called by any thread, by several at once.
    init(
        level: Logger.Level, format: LogFormat, now: @escaping @Sendable () -> Timestamp,
        write: @escaping @Sendable (String) -> Void
    ) {
        self.logLevel = level
        self.format = format
        self.now = now
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let error = event.error { all["error"] = .string(String(describing: error)) }
        if let own = event.metadata { all.merge(own) { $1 } }
        let line = format.line(
            time: now().description, level: event.level, message: event.message.description, metadata: all)
        write(line + "\n")
    }
}

extension Logger {
    /// The log of the server, on standard output, a line at a time whoever writes.
    static func standardOutput(level: Level, format: LogFormat) -> Logger {
        let handler = LineLogHandler(level: level, format: format, now: Timestamp.now, write: StandardOutput.write)
        return Logger(label: "cache-server") { _ in handler }
    }
}
