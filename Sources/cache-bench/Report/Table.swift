/// Text in rows and columns: words in the leading columns, to the left; figures in the others, to the right.
struct Table {
    let header: [String]
    /// The number of columns that hold words.
    var leading = 1
    var rows: [[String]] = []

    /// The table in lines of aligned columns, for a terminal.
    func aligned(indent: String = "  ") -> String {
        let lines = [header] + rows
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            let cells = zip(line, widths).enumerated().map { column, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                return column < leading ? cell.0 + padding : padding + cell.0
            }
            let text = indent + cells.joined(separator: "  ")
            return String(text.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n") + "\n"
    }

    /// The table in Markdown.
    var markdown: String {
        let rule = header.indices.map { $0 < leading ? "---" : "---:" }
        return ([header, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |\n" }.joined()
    }
}
