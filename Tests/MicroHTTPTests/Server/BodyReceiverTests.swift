internal import MicroHTTP
internal import TestSupport
internal import Testing

/// Bodies that are handed on while they arrive.
struct BodyReceiverTests {
    /// Counts what it takes in, and when it is gone.
    private final class Sum: BodyReceiver {
        private var count = 0
        private var sum = 0
        private let received: Tally
        private let released: Tally

        init(received: Tally, released: Tally) {
            self.received = received
            self.released = released
        }

        deinit { released.add() }

        func receive(_ piece: BorrowedBytes) {
            count += piece.count
            for byte in piece { sum += Int(byte) }
            received.add(piece.count)
        }

        func respond() -> Reply { .now(.text("\(count) \(sum)")) }
    }

    private let received = Tally()
    private let released = Tally()
    private var handler: TestHandler {
        TestHandler(onAdmit: { [received, released] _ in .stream(Sum(received: received, released: released)) })
    }

    @Test func takesABodyOfAnyLength() throws {
        try withServer(handler) { server in
            let connection = try server.connect()
            for count in [1, 1000, 300_000] {
                let body = [UInt8](repeating: 3, count: count)
                try connection.send(
                    Array("POST /s HTTP/1.1\r\nHost: test\r\nContent-Length: \(count)\r\n\r\n".utf8) + body)
                #expect(try connection.readReply().text == "\(count) \(3 * count)")
            }
            try connection.send(
                "POST /s HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\u{1}\u{2}\r\n0\r\n\r\n")
            #expect(try connection.readReply().text == "2 3")
            try connection.send("POST /s HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
            #expect(try connection.readReply().text == "0 0")
        }
        #expect(released.value == 5)
    }

    /// Holds all that comes.
    private final class Hoard: BodyReceiver {
        private(set) var heldBytes = 0
        func receive(_ piece: BorrowedBytes) { heldBytes += piece.count }
        func respond() -> Reply { .now(.text("\(heldBytes)")) }
    }

    @Test func whatItHoldsCountsAsABodyDoes() throws {
        let handler = TestHandler(onAdmit: { _ in .stream(Hoard()) })
        try withServer(handler, threads: 1, maxBodyMemory: 100_000) { server in
            let head = "POST /h HTTP/1.1\r\nHost: test\r\nContent-Length: 90000\r\n\r\n"
            let half = [UInt8](repeating: 0, count: 60_000)
            let first = try server.connect()
            try first.send(Array(head.utf8) + half)
            try waitUntil("it has arrived") { server.bytes.received >= 60_000 }
            let second = try server.connect()
            try second.send(Array(head.utf8) + half)
            #expect(try second.readReply().text == "POST /h: no room")
            try first.send([UInt8](repeating: 0, count: 30_000))
            #expect(try first.readReply().text == "90000")
            let third = try server.connect()
            try third.send(Array(head.utf8) + half + [UInt8](repeating: 0, count: 30_000))
            #expect(try third.readReply().text == "90000")
        }
    }

    @Test func sharesNothingBetweenConnections() throws {
        try withServer(handler, threads: 2) { server in
            let connections = try (0..<10).map { _ in try server.connect() }
            for (number, connection) in connections.enumerated() {
                try connection.send("POST /s HTTP/1.1\r\nHost: test\r\nContent-Length: \(number + 1)\r\n\r\n")
            }
            for round in 0..<10 {
                for (number, connection) in connections.enumerated() where round <= number {
                    try connection.send("\u{2}")
                }
            }
            for (number, connection) in connections.enumerated() {
                #expect(try connection.readReply().text == "\(number + 1) \(2 * (number + 1))")
            }
        }
        #expect(released.value == 10)
    }

    @Test func getsThePiecesAsTheyCome() throws {
        try withServer(handler) { server in
            let connection = try server.connect()
            try connection.send("POST /s HTTP/1.1\r\nHost: test\r\nContent-Length: 6\r\n\r\n")
            for piece in 1...3 {
                try connection.send("\u{1}\u{1}")
                try waitUntil("piece \(piece) is taken in") { received.value == 2 * piece }
            }
            #expect(try connection.readReply().text == "6 6")
        }
    }
}
