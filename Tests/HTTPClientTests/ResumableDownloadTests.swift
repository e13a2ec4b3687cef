internal import HTTPClient
internal import TestSupport
internal import Testing
internal import Threading

@Suite("HTTPClient: downloads that are cut")
struct ResumableDownloadTests {
    private static let body = (0..<5000).map { "line \($0)\n" }.joined()

    /// What came of a body that was opened as often as it was cut.
    private struct Outcome {
        var text: [UInt8] = []
        var beginnings = 0
        var resumptions = 0
        var interruptions: [ResumableDownload.Interruption] = []
    }

    private func read(
        _ client: HTTPClient, _ url: String, tries: Int = 10, isCancelled: @escaping () -> Bool = { false }
    ) -> Outcome {
        var outcome = Outcome()
        var download = ResumableDownload(
            HTTPClientRequest(url: url, timeout: .seconds(3600)), by: client, unless: isCancelled)
        for _ in 0..<tries {
            do throws(ResumableDownload.Interruption) {
                switch try download.open() {
                case .began:
                    outcome.beginnings += 1
                    outcome.text = []
                case .resumed: outcome.resumptions += 1
                case .ended: return outcome
                }
                while let piece = try download.next() { outcome.text += piece }
                return outcome
            } catch {
                outcome.interruptions.append(error)
                guard error.isTransient else { return outcome }
            }
        }
        return outcome
    }

    /// Serves ``body`` by ranges, and cuts each answer after some bytes.
    private func serveCut(
        after bytes: Int, tag: @escaping @Sendable (Int) -> String?, servesRanges: Bool = true
    ) throws -> (HTTPClient, RawServer) {
        try serve { connection, number in
            let head = try connection.readHead()
            let tag = tag(number)
            let fields =
                "Connection: close\r\n" + (servesRanges ? "Accept-Ranges: bytes\r\n" : "")
                + (tag.map { "ETag: \($0)\r\n" } ?? "")
            let whole = Array(Self.body.utf8)
            let range = head.first { $0.hasPrefix("Range: bytes=") }.flatMap { Int($0.dropFirst(13).dropLast()) }
            let condition = head.first { $0.hasPrefix("If-Range: ") }?.dropFirst(10)
            if let range, servesRanges, let tag, let condition, condition == tag {
                try connection.send(
                    "HTTP/1.1 206 Partial\r\n\(fields)Content-Range: bytes \(range)-\(whole.count - 1)/\(whole.count)\r\n"
                        + "Content-Length: \(whole.count - range)\r\n\r\n")
                try connection.send(Array(whole[range...].prefix(bytes)))
            } else {
                try connection.send("HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(whole.count)\r\n\r\n")
                try connection.send(Array(whole.prefix(number < 4 ? bytes : whole.count)))
            }
        }
    }

    @Test("It goes on where it was cut")
    func resumes() async throws {
        let (client, server) = try serveCut(after: 10_000, tag: { _ in "\"one\"" })
        defer { end(client, server) }
        let outcome = read(client, server.url())
        #expect(String(decoding: outcome.text, as: UTF8.self) == Self.body)
        #expect(outcome.beginnings == 1)
        #expect(outcome.resumptions == (Self.body.utf8.count - 1) / 10_000)
        #expect(outcome.interruptions.allSatisfy { $0.hasAdvanced && $0.error?.code == .reset })
    }

    @Test("It begins anew where that cannot be, or the body is another", arguments: [0, 1, 2, 3])
    func beginsAnew(_ kind: Int) async throws {
        let (client, server) = try serveCut(
            after: 10_000,
            tag: { number in
                switch kind {
                case 0: nil
                case 1: "W/\"weak\""
                case 2: "\"\(number)\""
                default: "\"one\""
                }
            }, servesRanges: kind != 3)
        defer { end(client, server) }
        let outcome = read(client, server.url())
        #expect(String(decoding: outcome.text, as: UTF8.self) == Self.body)
        #expect(outcome.beginnings == 5)
        #expect(outcome.resumptions == 0)
        // It got no further than before.
        #expect(outcome.interruptions.map(\.hasAdvanced) == [true, false, false, false])
    }

    @Test("A range that is not the one that was asked for is not taken")
    func wrongRange() async throws {
        let (client, server) = try serve { connection, number in
            _ = try connection.readHead()
            let fields = "Connection: close\r\nAccept-Ranges: bytes\r\nETag: \"one\"\r\n"
            switch number {
            case 0: try connection.send("HTTP/1.1 200 OK\r\n\(fields)Content-Length: 6\r\n\r\nabc")
            case 1:
                try connection.send(
                    "HTTP/1.1 206 Partial\r\n\(fields)Content-Range: bytes 0-5/6\r\nContent-Length: 6\r\n\r\nabcdef")
            default: try connection.send("HTTP/1.1 200 OK\r\n\(fields)Content-Length: 6\r\n\r\nabcdef")
            }
        }
        defer { end(client, server) }
        let outcome = read(client, server.url())
        #expect(outcome.text == Array("abcdef".utf8))
        #expect(outcome.beginnings == 2)
    }

    @Test("A cut behind the last byte is an end")
    func cutAtTheEnd() async throws {
        let (client, server) = try serve { connection, number in
            _ = try connection.readHead()
            let fields = "Connection: close\r\nAccept-Ranges: bytes\r\nETag: \"one\"\r\n"
            if number == 0 {
                try connection.send("HTTP/1.1 200 OK\r\n\(fields)Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            } else {
                try connection.answer("", status: "416 No", headers: "\(fields)Content-Range: bytes */3\r\n")
            }
        }
        defer { end(client, server) }
        let outcome = read(client, server.url())
        #expect(outcome.text == Array("abc".utf8))
        #expect(outcome.beginnings == 1)
        #expect(outcome.interruptions.count == 1)
    }

    @Test(
        "What passes by itself is worth another try, and the server may say when",
        arguments: [
            (500, true), (502, true), (503, true), (429, true), (408, true), (501, false), (404, false), (401, false),
            (304, false),
        ])
    func status(_ status: Int, isTransient: Bool) async throws {
        let (client, server) = try serve { connection, _ in
            _ = try connection.readHead()
            try connection.answer("", status: "\(status) Status", headers: "Retry-After: 7\r\n")
        }
        defer { end(client, server) }
        let interruption = try #require(read(client, server.url(), tries: 1).interruptions.first)
        #expect(interruption.status == status)
        #expect(interruption.isTransient == isTransient)
        #expect(interruption.retryAfter == .seconds(7))
        #expect(interruption.reason.contains("\(status)"))
    }

    @Test("It can be cancelled while nothing comes")
    func cancelled() async throws {
        let (client, server) = try serve { connection, _ in connection.awaitEnd() }
        defer { end(client, server) }
        let interruption = read(client, server.url(), isCancelled: { server.acceptedCount == 1 }).interruptions.first
        #expect(interruption?.error?.code == .cancelled)
        #expect(interruption?.isTransient == false)
    }
}
