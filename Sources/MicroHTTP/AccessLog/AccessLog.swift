internal import Synchronization
internal import Threading

/// A line for each request that is answered, in a file or on a descriptor such as standard output.
///
/// A thread of the server formats the line into memory of its own, and goes on: it never waits for what takes the lines. A thread
/// of the log writes them within a second, or as soon as there are 256 KiB. When it falls behind by more than a bound, lines are
/// dropped, counted and reported.
///
/// The log's thread lives as long as this, and keeps nothing else alive.
public final class AccessLog: Sendable {
    /// How a line looks.
    public enum Format: String, CaseIterable, Sendable {
        /// A JSON object; members that there is nothing to say for are left out.
        case json

        /// The combined format of Apache and nginx; with one more quoted field, `traceparent`, if the request has it.
        case combined
    }

    /// What takes the lines.
    public enum Destination: Sendable {
        /// A file, which is appended to and made if there is none; ``AccessLog/reopen()`` opens it anew.
        case file(path: String)

        /// An open descriptor, which stays open.
        case descriptor(CInt)
    }

    /// Lines that were dropped.
    public struct Loss: Sendable, Equatable {
        public var lines: Int
        /// Why the system did not take them; nil if it was only too slow.
        public var systemError: String?
    }

    let format: Format
    private let writer: AccessLogWriter
    private let mostBytesBehind: Int

    /// Opens the log, and starts its thread.
    ///
    /// - Parameters:
    ///   - mostBytesBehind: How many bytes of each thread of the server may wait to be written.
    ///   - report: Told how many lines were dropped since it was told last, once a second at most, on the log's thread.
    /// - Throws: ``AccessLogError`` if the file cannot be opened.
    public init(
        _ format: Format, to destination: Destination, mostBytesBehind: Int = 8 << 20,
        report: @escaping @Sendable (Loss) -> Void
    ) throws(AccessLogError) {
        self.format = format
        self.mostBytesBehind = mostBytesBehind
        writer = AccessLogWriter(try AccessLogFile(destination), report: report)
        writer.start()
    }

    deinit { writer.end() }

    /// Opens the file anew, which may be another one of that name: what is logged from now on goes there. Of a descriptor,
    /// nothing happens.
    ///
    /// - Throws: ``AccessLogError`` if it cannot be opened; the former file is written on then.
    public func reopen() throws(AccessLogError) { try writer.reopen() }

    /// How many lines were not written, because the writing fell behind or failed.
    public var droppedLines: Int { writer.droppedLines }

    /// What a thread of a server logs with.
    func makeLines() -> AccessLogLines {
        // Weak: the writer keeps the queue.
        let queue = AccessLogQueue(mostBytes: mostBytesBehind) { [weak writer] in writer?.wake() }
        writer.add(queue)
        return AccessLogLines(format, queue: queue)
    }

    /// Returns when all lines so far are written or lost; after ``patience``, in any case.
    func flush() { writer.flush(within: Self.patience) }

    /// How long a stop waits for what takes the lines.
    static let patience: Duration = .seconds(5)
}

/// Why an access log could not be opened.
public struct AccessLogError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was tried and why it failed.
    public let description: String

    init(_ description: String) { self.description = description }
}
