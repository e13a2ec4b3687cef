internal import MicroHTTP
internal import TestSupport
internal import Testing

/// Bodies of responses that are made while they are sent.
struct StreamBodyTests {
    /// Makes so many pieces of a size, each of one letter, and counts what it made, and when it is gone.
    private final class Letters: BodyProducer {
        private let sizes: [Int]
        private var next = 0
        private let made: Tally
        private let released: Tally

        init(_ sizes: [Int], made: Tally, released: Tally) {
            self.sizes = sizes
            self.made = made
            self.released = released
        }

        deinit { released.add() }

        func nextPiece() -> [UInt8]? {
            guard next < sizes.count else { return nil }
            defer { next += 1 }
            made.add()
            return [UInt8](repeating: UInt8(ascii: "a") + UInt8(next % 26), count: sizes[next])
        }

        static func text(_ sizes: [Int]) -> [UInt8] {
            sizes.enumerated().flatMap {
                [UInt8](repeating: UInt8(ascii: "a") + UInt8($0.offset % 26), count: $0.element)
            }
        }
    }

    private let made = Tally()
    private let released = Tally()

    /// Even one that is empty, behind which the library would wait for more.
    @Test(arguments: [[], [5], [100_000, 1]]) func endWithTheConnectionToHTTP10(sizes: [Int]) throws {
        try withServer(handler(sizes)) { server in
            let connection = try server.connect()
            try connection.send("GET / HTTP/1.0\r\n\r\n")
            let all = try connection.readToEnd()
            #expect(all.suffix(sizes.reduce(0, +)) == Letters.text(sizes)[...])
        }
    }

    private func handler(_ sizes: [Int]) -> TestHandler {
        TestHandler(onRespond: { [made, released] _ in
            Response(status: 200, body: .stream(Letters(sizes, made: made, released: released)))
        })
    }

    @Test(arguments: [
        [], [1], [5, 7, 11], [32 * 1024], [32 * 1024 - 1, 32 * 1024 + 1], [100_000, 1, 100_000],
        Array(repeating: 1, count: 500),
    ])
    func arriveWhole(sizes: [Int]) throws {
        try withServer(handler(sizes)) { server in
            let connection = try server.connect()
            for _ in 0..<2 {
                try connection.send(get("/"))
                let reply = try connection.readReply()
                // One that turns out to be empty has a length.
                #expect(reply["Transfer-Encoding"] == (sizes.isEmpty ? nil : "chunked"))
                #expect(reply["Content-Length"] == (sizes.isEmpty ? "0" : nil))
                #expect(reply.body == Letters.text(sizes))
            }
            try waitUntil("the producers are released") { released.value == 2 }
            #expect(server.bytes.sent == 2 * sizes.reduce(0, +))
        }
    }

    @Test func anEmptyPieceIsNotTheEnd() throws {
        let reply = try withServer(handler([3, 0, 0, 4])) { try $0.ask(get("/")) }
        #expect(reply.text == "aaadddd")
    }

    @Test func anOldClientReadsToTheEndOfTheConnection() throws {
        try withServer(handler([10, 100_000])) { server in
            let connection = try server.connect()
            try connection.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let reply = try connection.readReply()
            #expect(reply["Transfer-Encoding"] == nil)
            #expect(reply.closes)
            #expect(reply.body == Letters.text([10, 100_000]))
        }
    }

    @Test func nothingIsMadeForHead() throws {
        try withServer(handler([10])) { server in
            let connection = try server.connect()
            try connection.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n" + get("/next"))
            let reply = try connection.readReply(toHead: true)
            #expect(reply.status == 200)
            #expect(reply["Content-Length"] == nil)
            // Either nothing comes behind the head that could be taken for the next reply, or there is no next reply.
            #expect(reply.closes)
            #expect(!String(decoding: try connection.readToEnd(), as: UTF8.self).contains("HTTP/1.1"))
            try waitUntil("the producer is released") { released.value == 1 }
        }
        #expect(made.value == 0)
    }

    @Test func aSlowReaderHoldsUpNobodyAndNothingIsMadeAhead() throws {
        let sizes = Array(repeating: 1 << 20, count: 40)
        try withServer(handler(sizes), threads: 1) { server in
            let slow = try server.connect(receiveBuffer: 1 << 18)
            try slow.send(get("/slow"))
            try waitUntil("the slow one's body is begun") { made.value > 0 }
            let quick = try server.connect()
            for _ in 0..<2 {
                try quick.send(get("/quick"))
                #expect(try quick.readReply().body.count == 40 << 20)
            }
            // The quick ones took all of theirs; of the slow one's there is no more than the system buffers.
            #expect(made.value < 3 * 40)
            #expect(released.value == 2)
            #expect(try slow.readReply().body.count == 40 << 20)
            try waitUntil("all are released") { released.value == 3 }
        }
    }

    @Test(arguments: [false, true])
    func areReleasedWhenTheClientIsGone(hard: Bool) throws {
        let sizes = Array(repeating: 1 << 20, count: 1000)
        try withServer(handler(sizes)) { server in
            for request in 1...5 {
                do {
                    let connection = try server.connect(receiveBuffer: 1 << 18)
                    try connection.send(get("/"))
                    _ = try connection.read(1000)
                    #expect(released.value == request - 1)
                    if hard { connection.dieHard() }
                }
                try waitUntil("producer \(request) is released") { released.value == request }
            }
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
        }
        #expect(made.value < 5 * 1000)
    }

    @Test func areReleasedWhenTheServerStops() throws {
        let connection = try withServer(handler(Array(repeating: 1 << 20, count: 1000))) { server in
            let connection = try server.connect(receiveBuffer: 1 << 18)
            try connection.send(get("/"))
            _ = try connection.read(1000)
            return connection
        }
        #expect(released.value == 1)
        _ = try connection.readToEnd()
    }
}
