/// The text of an HTTP/1.1 request, complete with its body.
struct HTTPRequest {
    let method: String
    /// Path and query.
    let target: String
    var body: String?
    /// Whether it asks for the connection's end after the answer.
    var closes = false

    /// The bytes on the wire. The same head whichever server it goes to.
    func text(port: Int) -> String {
        let head =
            "\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"
            + (closes ? "Connection: close\r\n" : "")
        guard let body else { return head + "\r\n" }
        return head + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n" + body
    }
}

/// An answer with a body of stated length, which is the only kind that the measured servers give.
struct HTTPReply: Equatable {
    let status: Int
    let body: String
}

extension TCPConnection {
    /// Sends a request and waits for its answer.
    mutating func exchange(_ request: HTTPRequest, port: Int) throws -> HTTPReply {
        try exchange(request.text(port: port))
    }

    /// Sends the text of a request and waits for its answer.
    mutating func exchange(_ request: String) throws -> HTTPReply {
        try send(request)
        return try readReply()
    }

    /// The answer to a request that was sent.
    mutating func readReply() throws -> HTTPReply {
        let statusLine = try readLine().split(separator: " ")
        guard statusLine.count >= 2, statusLine[0].hasPrefix("HTTP/"), let status = Int(statusLine[1]) else {
            throw BenchmarkError("not an HTTP answer: \(statusLine.joined(separator: " "))")
        }
        var length: Int? = status == 204 || status == 304 ? 0 : nil
        while case let line = try readLine(), !line.isEmpty {
            let field = line.split(separator: ":", maxSplits: 1)
            if field.count == 2, field[0].lowercased() == "content-length" {
                length = Int(field[1].drop { $0 == " " })
            }
        }
        guard let length else { throw BenchmarkError("the answer with status \(status) states no Content-Length") }
        return HTTPReply(status: status, body: try read(length))
    }
}
