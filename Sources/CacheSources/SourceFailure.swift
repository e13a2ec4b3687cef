/// Why a source cannot be read, or not to its end.
struct SourceFailure: Error, Equatable {
    /// What was wrong, without the source's name, and without a password.
    var reason: String
    /// Whether it may go well another time: the network's doing, or a server's that is starting.
    var isTransient = false
    /// Whether no more was wanted.
    var isCancellation = false
    /// Whether a database cannot parse a statement.
    var isSyntaxError = false

    init(_ reason: String, isTransient: Bool = false) {
        self.reason = reason
        self.isTransient = isTransient
    }

    static let cancelled = {
        var failure = SourceFailure("it was stopped")
        failure.isCancellation = true
        return failure
    }()

    static let severalStatements = SourceFailure("the query is more than one statement; it must be one SELECT")

    /// A message of another library's, which may have several lines, as one.
    static func line(_ message: String) -> String {
        message.split(whereSeparator: \.isNewline).map { line in
            line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }.joined(separator: "; ")
    }
}
