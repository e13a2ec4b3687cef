/// Several sources in one text: with white space between; or one a line, where there is more than one line, for those that have spaces
/// themselves.
struct SourceList: Sendable, Equatable {
    /// URLs, paths and names, at least one.
    let sources: [String]

    /// nil for a text without any.
    init?(_ text: String) {
        let parts =
            text.contains(where: \.isNewline)
            ? text.split(whereSeparator: \.isNewline).map { line in
                String(line.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
            } : text.split(whereSeparator: \.isWhitespace).map(String.init)
        sources = parts.filter { !$0.isEmpty }
        if sources.isEmpty { return nil }
    }

    /// The text that is read as these.
    static func text(of sources: [String]) -> String { sources.map { $0 + "\n" }.joined() }
}
