@testable internal import MicroHTTP

/// Lines as they are formatted, with a time of day that the test sets.
final class LoggedLines {
    /// Nanoseconds since 1970 began.
    var timeOfDay: Int64 = 0
    let queue: AccessLogQueue
    private var lines: AccessLogLines?

    /// - Parameter timeOfDay: Seconds since 1970 began.
    init(_ format: AccessLog.Format, timeOfDay: Double = 1_795_691_700.123, mostBytes: Int = 1 << 20) {
        self.timeOfDay = Int64((timeOfDay * 1000).rounded()) * 1_000_000
        queue = AccessLogQueue(mostBytes: mostBytes) {}
        lines = AccessLogLines(format, queue: queue) { [unowned self] in self.timeOfDay }
    }

    /// Logs a request.
    ///
    /// - Parameters:
    ///   - target: The path, and the query behind a `?`.
    ///   - begun: When it began, in nanoseconds of a clock of its own.
    ///   - ended: When it was answered, by the same clock.
    func add(
        method: Text = "GET", target: Text = "/keys/a?x=1", version: Text = "HTTP/1.1", client: String? = "127.0.0.1",
        userAgent: Text? = nil, referer: Text? = nil, traceparent: Text? = nil, status: Int = 200, bytes: Int = 64,
        begun: Int64 = 1_000_000, ended: Int64 = 1_012_345
    ) {
        let parts = target.bytes.split(separator: UInt8(ascii: "?"), maxSplits: 1)
        let (path, query) = (Text(parts[0]), Text(parts.count > 1 ? parts[1] : []))
        func kept(_ text: Text?) -> BorrowedBytes? { text.map { BorrowedBytes($0.memory.bytes) } }
        let entry = AccessLogEntry(
            client: client.flatMap { ClientAddress($0) }, method: kept(method)!, path: kept(path)!,
            query: kept(query)!, version: kept(version)!, hasMore: true, userAgent: kept(userAgent),
            referer: kept(referer),
            traceparent: kept(traceparent))
        let outcome = AccessLogOutcome(status: status, bytes: bytes, begun: begun, ended: ended)
        withExtendedLifetime((method, path, query, version, userAgent, referer, traceparent)) {
            lines?.add(entry, outcome)
        }
    }

    /// All that was logged and not read yet.
    func read() -> String {
        var bytes: [UInt8] = []
        while let piece = queue.take() {
            bytes += piece.bytes
            queue.taken(piece)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The one line that was logged, without its end.
    func readLine() -> String {
        let text = read()
        guard text.hasSuffix("\n") else { return "no line: \(text)" }
        return String(text.dropLast())
    }
}

/// What a client sent: text, or bytes that are none.
struct Text: ExpressibleByStringLiteral {
    let bytes: [UInt8]
    fileprivate let memory: Memory

    init(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        memory = Memory(self.bytes)
    }

    init(stringLiteral text: String) { self.init(text.utf8) }

    static func repeating(_ character: Character, _ count: Int) -> Text {
        Text(String(repeating: character, count: count).utf8)
    }

    /// Bytes at an address of their own, so that reading beyond them shows.
    fileprivate final class Memory {
        let bytes: UnsafeMutableRawBufferPointer

        init(_ content: [UInt8]) {
            bytes = .allocate(byteCount: content.count, alignment: 1)
            bytes.copyBytes(from: content)
        }

        deinit { bytes.deallocate() }
    }
}
