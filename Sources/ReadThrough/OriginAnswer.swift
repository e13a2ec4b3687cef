/// What an origin answered.
public struct OriginAnswer: Sendable {
    public var status: Int
    /// Names in lower case.
    public var fields: [(name: String, value: String)]
    public var body: [UInt8]

    public init(status: Int, fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// The value of the first field with a name, which is in lower case.
    func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    func values(of name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// `Retry-After` (RFC 9110, section 10.2.3), in nanoseconds from `wallClock`, which is in nanoseconds since 1970; nil if it is not
    /// there, or wrong.
    func retryAfter(wallClock: Int64) -> Int64? {
        guard let text = field("retry-after") else { return nil }
        if let seconds = FieldSeconds.parse(text) { return seconds * 1_000_000_000 }
        return FieldSeconds.untilDate(text, wallClock: wallClock)
    }
}

/// Why there is no answer.
public enum FetchFailure: Error, Sendable, Equatable {
    /// There is no connection: the name is not known, nobody listens, TLS fails.
    case unreachable(String)
    /// The connection broke before the answer was there.
    case broken(String)
    /// The answer is not HTTP, or otherwise none that can be read.
    case unreadable(String)
    /// The fault is this server's, and tells nothing of the origin: it has no memory for a request, or stops, or the request is none.
    case notAsked(String)
    /// It did not come in time.
    case timedOut
    /// Its body is larger than it may be.
    case tooLarge

    /// What was wrong, for the log: it may name the origin's host and port.
    public var reason: String {
        switch self {
        case .unreachable(let reason), .broken(let reason), .unreadable(let reason), .notAsked(let reason):
            reason
        case .timedOut: "it did not answer in time"
        case .tooLarge: "its answer has more bytes than a value may have"
        }
    }
}
