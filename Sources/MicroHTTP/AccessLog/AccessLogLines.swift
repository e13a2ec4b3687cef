internal import Glibc

/// The lines of one thread of a server, formatted into its ``AccessLogQueue``.
///
/// It allocates nothing for a line: what lines have in common, the time and the client, is kept as text.
///
/// Invariants: all is used by one thread at a time. `beginning` is allocated from init to deinit. A line has at most
/// ``mostBytes``: every text from outside is cut.
final class AccessLogLines {
    /// The most bytes that texts from a client take in a line, as they are written there: escaped.
    enum Most {
        static let method = 32
        static let target = 2048
        static let version = 16
        static let userAgent = 512
        static let referer = 512
        static let traceparent = 128
    }

    /// The longest line: what is written of it at once to a pipe comes through in one piece.
    static let mostBytes = 4096

    private let format: AccessLog.Format
    private let queue: AccessLogQueue
    private let readTimeOfDay: () -> Int64

    /// What a line begins with, up to the method: it is copied as a whole, and changes with the client, and once a millisecond.
    private let beginning: UnsafeMutableRawPointer
    /// More than the time and the longest address need.
    private static let beginningCapacity = 128
    @exclusivity(unchecked) private var beginningCount = 0
    @exclusivity(unchecked) private var client: ClientAddress?
    @exclusivity(unchecked) private var time = LogTimeText()

    /// When the millisecond began that is written there, by the clock of an outcome.
    @exclusivity(unchecked) private var millisecond = Int64.min
    /// When the second began that it is in, by the time of day, and how far that is ahead of the other clock.
    @exclusivity(unchecked) private var second = Int64.min
    @exclusivity(unchecked) private var lead: Int64 = 0

    /// - Parameter timeOfDay: Nanoseconds since 1970 began; asked for once in a second.
    init(
        _ format: AccessLog.Format, queue: AccessLogQueue,
        timeOfDay: @escaping () -> Int64 = { AccessLogClock.timeOfDay }
    ) {
        self.format = format
        self.queue = queue
        readTimeOfDay = timeOfDay
        beginning = .allocate(byteCount: Self.beginningCapacity, alignment: 16)
        beginning.initializeMemory(as: UInt8.self, repeating: 0, count: Self.beginningCapacity)
    }

    deinit { beginning.deallocate() }

    /// Logs a request. If there is no room, it is counted as dropped.
    @inline(__always)
    func add(_ entry: AccessLogEntry, _ outcome: AccessLogOutcome) {
        guard let room = queue.room() else { return }
        let within = UInt64(bitPattern: outcome.ended &- millisecond)
        if within >= 1_000_000 || entry.client != client { begin(at: outcome.ended, entry.client) }
        var line = LineCursor(room)
        line.put(beginning, count: beginningCount, capacity: Self.beginningCapacity)
        switch format {
        case .json: putJSON(entry, outcome, to: &line)
        case .combined: putCombined(entry, outcome, to: &line)
        }
        queue.publish(upTo: line.position)
    }

    @inline(__always)
    private func putJSON(_ entry: AccessLogEntry, _ outcome: AccessLogOutcome, to line: inout LineCursor) {
        line.put(entry.method, most: Most.method, escaping: .json)
        line.put(#"","target":""#)
        putTarget(of: entry, to: &line, .json)
        line.put(#"","protocol":""#)
        line.put(version: entry.version, escaping: .json)
        line.put(#"","status":"#)
        line.put(status: outcome.status)
        line.put(#","bytes":"#)
        line.put(outcome.bytes)
        line.put(#","duration_us":"#)
        line.put(Int(outcome.duration / 1000))
        if entry.hasMore { putMore(of: entry, to: &line) }
        line.put("}\n")
    }

    @inline(never)
    private func putMore(of entry: AccessLogEntry, to line: inout LineCursor) {
        if let userAgent = entry.userAgent {
            line.put(#","user_agent":""#)
            line.put(userAgent, most: Most.userAgent, escaping: .json)
            line.put(UInt8(ascii: "\""))
        }
        if let referer = entry.referer {
            line.put(#","referer":""#)
            line.put(referer, most: Most.referer, escaping: .json)
            line.put(UInt8(ascii: "\""))
        }
        if let traceparent = entry.traceparent {
            line.put(#","traceparent":""#)
            line.put(traceparent, most: Most.traceparent, escaping: .json)
            line.put(UInt8(ascii: "\""))
        }
    }

    @inline(__always)
    private func putCombined(_ entry: AccessLogEntry, _ outcome: AccessLogOutcome, to line: inout LineCursor) {
        line.put(entry.method, most: Most.method, escaping: .combined)
        line.put(UInt8(ascii: " "))
        putTarget(of: entry, to: &line, .combined)
        line.put(UInt8(ascii: " "))
        line.put(version: entry.version, escaping: .combined)
        line.put("\" ")
        line.put(status: outcome.status)
        line.put(UInt8(ascii: " "))
        line.put(outcome.bytes)
        line.put(" \"")
        if let referer = entry.referer {
            line.put(referer, most: Most.referer, escaping: .combined)
        } else {
            line.put(UInt8(ascii: "-"))
        }
        line.put("\" \"")
        if let userAgent = entry.userAgent {
            line.put(userAgent, most: Most.userAgent, escaping: .combined)
        } else {
            line.put(UInt8(ascii: "-"))
        }
        if let traceparent = entry.traceparent {
            line.put("\" \"")
            line.put(traceparent, most: Most.traceparent, escaping: .combined)
        }
        line.put("\"\n")
    }

    @inline(__always)
    private func putTarget(of entry: AccessLogEntry, to line: inout LineCursor, _ format: AccessLog.Format) {
        let start = line.position
        line.put(entry.path, most: Most.target, escaping: format)
        guard !entry.query.isEmpty else { return }
        let rest = Most.target - (line.position - start)
        guard rest > 0 else { return }
        line.put(UInt8(ascii: "?"))
        line.put(entry.query, most: rest - 1, escaping: format)
    }

    // MARK: The beginning

    /// Writes what lines begin with from now on.
    @inline(never)
    private func begin(at moment: Int64, _ client: ClientAddress?) {
        let now = moment &+ lead
        if UInt64(bitPattern: now &- second) >= 1_000_000_000 {
            // What set the clock meanwhile is heard of here.
            let timeOfDay = readTimeOfDay()
            lead = timeOfDay &- moment
            second = timeOfDay - timeOfDay % 1_000_000_000
            time.write(timeOfDay / 1_000_000_000, format)
        }
        let (milliseconds, rest) = (moment &+ lead &- second).quotientAndRemainder(dividingBy: 1_000_000)
        millisecond = moment &- rest
        self.client = client
        var line = LineCursor(beginning)
        switch format {
        case .json:
            time.put(to: &line)
            line.put(threeDigits: UInt32(milliseconds))
            line.put("Z\"")
            if let client {
                line.put(#","client":""#)
                line.put(client)
                line.put(UInt8(ascii: "\""))
            }
            line.put(#","method":""#)
        case .combined:
            if let client { line.put(client) } else { line.put(UInt8(ascii: "-")) }
            line.put(" - - ")
            time.put(to: &line)
        }
        beginningCount = line.position - beginning
    }
}
