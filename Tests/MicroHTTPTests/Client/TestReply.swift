/// What a client read as the answer to a request.
struct TestReply {
    let status: Int
    let reason: String
    let headers: [(name: String, value: String)]
    var body: [UInt8] = []

    /// - Parameter head: The status line and the header fields, with the empty line behind them.
    init(head: String) throws {
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: true)
        guard let line = lines.first else { throw TestConnection.Failure("a reply has no status line") }
        let parts = line.split(separator: " ", maxSplits: 2)
        guard parts.count == 3, parts[0] == "HTTP/1.1", let status = Int(parts[1]) else {
            throw TestConnection.Failure("a reply begins with: \(line)")
        }
        self.status = status
        reason = String(parts[2])
        lines.removeFirst()
        headers = try lines.map { line in
            guard let colon = line.firstIndex(of: ":") else {
                throw TestConnection.Failure("a header field is: \(line)")
            }
            return (String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " }))
        }
    }

    /// The value of the only field with this name, whatever the case; nil if there is none or more than one.
    subscript(_ name: String) -> String? {
        let found = headers.filter { $0.name.lowercased() == name.lowercased() }
        return found.count == 1 ? found[0].value : nil
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// Whether the server said that it would end the connection.
    var closes: Bool { self["Connection"]?.lowercased() == "close" }
}
