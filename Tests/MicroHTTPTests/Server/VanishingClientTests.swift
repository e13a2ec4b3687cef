internal import MicroHTTP
internal import TestSupport
internal import Testing

/// Clients that go away, at every stage of a request, in good order or not: nothing may be left of them.
///
/// The library can overlook that a client closed its connection directly behind what it sent. Then the idle timeout ends
/// it, which is short here.
struct VanishingClientTests {
    /// Counts how many there are.
    private final class Counted: BodyReceiver {
        private let alive: Tally

        init(_ alive: Tally) {
            self.alive = alive
            alive.add()
        }

        deinit { alive.add(-1) }

        func receive(_ piece: BorrowedBytes) {}
        func respond() -> Reply { .now(.text("done")) }
    }

    private let receivers = Tally()
    private let lent = Tally()
    private let returned = Tally()

    /// Collects a body, hands it on, or refuses it, as its path says.
    private var handler: TestHandler {
        TestHandler(
            onAdmit: { [receivers] head in
                if head.path.equals("/stream") { return .stream(Counted(receivers)) }
                if head.path.equals("/refuse") { return .refuse(.text("no", status: 400)) }
                return .collect(limit: 5000)
            },
            onRespond: { [lent, returned] request in
                guard request.head.path.equals("/lent") else { return .text("done") }
                lent.add()
                return Response(status: 200, body: .lent(Loan.make(100_000, returned: returned)))
            })
    }

    private static let exchanges = [
        "GET /lent HTTP/1.1\r\nHost: test\r\nX: yz\r\n\r\n",
        "PUT /collect HTTP/1.1\r\nHost: test\r\nContent-Length: 20\r\n\r\n01234567890123456789",
        "PUT /stream HTTP/1.1\r\nHost: test\r\nContent-Length: 20\r\n\r\n01234567890123456789",
        "PUT /refuse HTTP/1.1\r\nHost: test\r\nContent-Length: 20\r\n\r\n01234567890123456789",
        "PUT /collect HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n",
        "PUT /stream HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n",
        "PUT /stream HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n01234",
        "PUT /collect HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n"
            + String(repeating: "x", count: 5000) + "\r\n1\r\ny\r\n0\r\n\r\n",
    ]

    @Test(arguments: exchanges, [false, true])
    func leaveNothingBehind(exchange: String, hard: Bool) throws {
        let bytes = Array(exchange.utf8)
        try withServer(handler, idleTimeout: .seconds(1)) { server in
            // Everywhere in a short one; in a long one, at its beginning and its end.
            for end in 0...bytes.count where end < 130 || bytes.count - end < 20 {
                let connection = try server.connect()
                connection.sendAsMuchAsTaken(Array(bytes[..<end]))
                if hard { connection.dieHard() }
            }
            try waitUntil("all connections are closed") { server.connectionCount == 0 }
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
            try waitUntil("no receiver is left") { receivers.value == 0 }
            try waitUntil("all loans are back") { returned.value == lent.value }
            #expect(try server.ask(get("/after")).text == "done")
        }
    }

    @Test func leaveNothingBehindWhenTheServerStops() throws {
        var connections: [TestConnection] = []
        try withServer(handler) { server in
            for exchange in Self.exchanges where !exchange.contains("/refuse") {
                let bytes = Array(exchange.utf8)
                for end in stride(from: 1, through: min(bytes.count, 120), by: 7) {
                    let connection = try server.connect()
                    try connection.send(Array(bytes[..<end]))
                    connections.append(connection)
                }
            }
            try waitUntil("the server has all connections") { server.connectionCount == connections.count }
            try waitUntil("uploads have begun") { receivers.value > 0 }
        }
        #expect(receivers.value == 0)
        #expect(returned.value == lent.value)
        for connection in connections { _ = try connection.readToEnd() }
    }

    @Test func aClientMayStopSendingAndStillRead() throws {
        try withServer(handler, idleTimeout: .seconds(1)) { server in
            let connection = try server.connect()
            try connection.send(get("/lent"))
            connection.finishSending()
            #expect(try connection.readReply().body.count == 100_000)
            try waitUntil("the connection is closed") { server.connectionCount == 0 }
        }
    }
}
