internal import Glibc
internal import TestSupport
internal import Testing

@testable internal import MicroHTTP

/// Which requests of a server are logged, and what is said of them.
struct AccessLogServerTests {
    /// Serves, asks, stops, and returns what was logged then: all of it, as a stop flushes.
    private func logged(
        _ handler: some HTTPHandler = TestHandler(), format: AccessLog.Format = .combined,
        _ ask: (HTTPServer) throws -> Void
    ) throws -> [String] {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let log = try AccessLog(format, to: .descriptor(ends[1])) { _ in }
        let server = try HTTPServer(HTTPServerConfiguration(port: 0, threads: 1, accessLog: log), handler: handler)
        do {
            defer { server.stop() }
            try ask(server)
        }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        let count = read(ends[0], &bytes, bytes.count)
        #expect(server.droppedAccessLogLines == 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").map { line in
            // Without the client and the time, of which other tests tell.
            line.split(separator: "] ", maxSplits: 1).last.map(String.init) ?? ""
        }
    }

    @Test func requestsThatAreAnswered() throws {
        let lines = try logged { server in
            let connection = try server.connect()
            for request in [
                get("/a?b=c", headers: "User-Agent: me\r\nReferer: http://there/\r\n"), put("/p", "body"),
                get("/a", headers: "traceparent: 00-1-2-03\r\nX-Request: r\r\nUnrelated0: u\r\nAuthorization: no\r\n"),
            ] {
                try connection.send(request)
                #expect(try connection.readReply().status == 200)
            }
            try connection.send("HEAD /h HTTP/1.1\r\nHost: test\r\n\r\n")
            #expect(try connection.readReply(toHead: true).status == 200)
        }
        #expect(
            lines == [
                #""GET /a?b=c HTTP/1.1" 200 7 "http://there/" "me""#, #""PUT /p HTTP/1.1" 200 11 "-" "-""#,
                #""GET /a HTTP/1.1" 200 7 "-" "-" "00-1-2-03""#, #""HEAD /h HTTP/1.1" 200 0 "-" "-""#,
            ])
    }

    @Test func requestsThatAreRefused() throws {
        let handler = TestHandler(onAdmit: { head in
            head.path.equals("/no") ? .refuse(.text("no", status: 401)) : .collect(limit: 3)
        })
        let lines = try logged(handler) { server in
            for (request, status) in [
                ("GET /b HTTP/1.1\r\nHost: a\r\nHost: b\r\nUser-Agent: me\r\n\r\n", 400),
                ("GET /t HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 8200))\r\n\r\n", 431),
                (put("/long", "long", headers: "User-Agent: me\r\n"), 413), (put("/no", "1"), 401),
                ("PUT /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nlong\r\n0\r\n\r\n", 413),
            ] {
                let reply = try server.ask(request)
                #expect(reply.status == status)
            }
        }
        let words = lines.map { $0.split(separator: " ").enumerated().filter { $0.offset != 4 }.map(\.element) }
        #expect(
            words.map { $0.joined(separator: " ") } == [
                #""GET /b HTTP/1.1" 400 "-" "me""#, #""GET /t HTTP/1.1" 431 "-" "-""#,
                #""PUT /long HTTP/1.1" 413 "-" "me""#, #""PUT /no HTTP/1.1" 401 "-" "-""#,
                #""PUT /chunks HTTP/1.1" 413 "-" "-""#,
            ])
    }

    /// Tells that a response took five milliseconds.
    private struct TimedHandler: HTTPHandler {
        var tellsTime: Bool
        func admit(_ head: RequestHead) -> Admission { .collect(limit: 10) }
        func refuse(_ head: RequestHead, overLimit limit: Int) -> Response { Response(status: 413) }
        func refuse(overloaded head: RequestHead) -> Response { Response(status: 503) }
        func refuse(_ refusal: ConnectionRefusal) -> Response { .text("no room", status: 503) }
        func refuse(malformed detail: String) -> Response { Response(status: 400) }
        func refuse(headTooLarge detail: String) -> Response { Response(status: 431) }

        func respond(to request: Request) -> Reply {
            var response = Response(status: 204)
            response.began = 1_000_000
            response.ended = 6_000_000
            return .now(response)
        }
    }

    @Test(arguments: [true, false])
    func theTimeIsTheHandlersIfItTells(tellsTime: Bool) throws {
        let lines = try logged(TimedHandler(tellsTime: tellsTime), format: .json) { server in
            let status = try server.ask(get("/a")).status
            #expect(status == 204)
        }
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix(#""duration_us":5000}"#) == tellsTime)
    }

    @Test func statusesWithoutABody() throws {
        let handler = TestHandler(onRespond: { _ in
            Response(status: 304, body: .bytes(Array("not sent".utf8)))
        })
        let lines = try logged(handler) { server in
            let status = try server.ask(get("/a")).status
            #expect(status == 304)
        }
        #expect(lines == [#""GET /a HTTP/1.1" 304 0 "-" "-""#])
    }

    private final class Pieces: BodyProducer {
        private var left: Int
        init(_ count: Int) { left = count }

        func nextPiece() -> [UInt8]? {
            guard left > 0 else { return nil }
            left -= 1
            return [UInt8](repeating: 0x61, count: 1000)
        }
    }

    @Test func streamsAreLoggedWhenTheyEnd() throws {
        let handler = TestHandler(onRespond: { request in
            request.head.path.equals("/s")
                ? Response(status: 200, body: .stream(Pieces(5))) : TestHandler.echo(request)
        })
        let lines = try logged(handler) { server in
            let connection = try server.connect()
            try connection.send(get("/s?q", headers: "User-Agent: me\r\ntraceparent: t\r\n"))
            #expect(try connection.readReply().body.count == 5000)
            try connection.send("HEAD /s HTTP/1.0\r\n\r\n")
            #expect(try connection.readReply(toHead: true).status == 200)
        }
        #expect(
            lines == [#""GET /s?q HTTP/1.1" 200 5000 "-" "me" "t""#, #""HEAD /s HTTP/1.0" 200 0 "-" "-""#])
    }

    /// Of a stream whose client goes away, what was made of it counts.
    @Test func streamsThatAreCutAreLogged() throws {
        let handler = TestHandler(onRespond: { _ in Response(status: 200, body: .stream(Pieces(.max))) })
        let lines = try logged(handler) { server in
            let connection = try server.connect(receiveBuffer: 4096)
            try connection.send(get("/s"))
            _ = try connection.read(5000)
        }
        let words = try #require(lines.first).split(separator: " ")
        #expect(lines.count == 1)
        #expect(words[..<4] == [#""GET"#, "/s", #"HTTP/1.1""#, "200"])
        let bytes = try #require(Int(words[4]))
        #expect(bytes >= 5000)
    }

    /// A reader that does not read holds nobody up.
    @Test func aPipeThatIsNotReadStallsNobody() throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        let (reader, writer) = (ends[0], ends[1])
        defer { close(reader) }
        let log = try AccessLog(.combined, to: .descriptor(writer), mostBytesBehind: 0) { _ in }
        let server = try HTTPServer(
            HTTPServerConfiguration(port: 0, threads: 1, accessLog: log), handler: TestHandler())
        let connection = try server.connect()
        let request = get("/\(String(repeating: "x", count: 2000))")
        // More than the pipe and the log's memory hold.
        for _ in 0..<500 {
            try connection.send(request)
            #expect(try connection.readReply().status == 200)
        }
        let dropped = try #require(server.droppedAccessLogLines)
        #expect(dropped > 0)
        // Somebody reads now: what was not dropped comes, while the server stops.
        let stopping = ThreadRun(1)
        stopping.start { _ in
            server.stop()
            close(writer)
        }
        var text: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(reader, &bytes, bytes.count), count > 0 { text += bytes[..<count] }
        try stopping.join()
        #expect(text.count { $0 == UInt8(ascii: "\n") } == 500 - dropped)
    }
}
