internal import TestSupport
internal import Testing

@testable internal import MicroHTTP

/// Bodies of responses whose bytes are in several places.
struct GatheredBodyTests {
    /// Keeps pieces of a size, each of one letter.
    private final class Pieces {
        let pieces: [UnsafeRawBufferPointer]
        private let released: Tally

        init(_ sizes: [Int], _ released: Tally) {
            self.released = released
            pieces = sizes.enumerated().map { number, size in
                let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
                piece.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "a") + UInt8(number % 26))
                return UnsafeRawBufferPointer(piece)
            }
        }

        deinit {
            for piece in pieces { piece.deallocate() }
            released.add()
        }
    }

    private let released = Tally()

    private func handler(_ sizes: [Int], heldBytes: Int = 0) -> TestHandler {
        TestHandler(onRespond: { [released] _ in
            let owner = Pieces(sizes, released)
            return Response(
                status: 200, body: .gathered(GatheredBytes(owner.pieces, heldBytes: heldBytes, owner: owner)))
        })
    }

    private static func text(_ sizes: [Int]) -> [UInt8] {
        sizes.enumerated().flatMap { [UInt8](repeating: UInt8(ascii: "a") + UInt8($0.offset % 26), count: $0.element) }
    }

    /// So many that the library has no memory for their list, too: it would abort.
    @Test(arguments: [1, 2, 200, 300, 2000], [0, 1, 30])
    func arriveWhole(count: Int, fields: Int) throws {
        let sizes = (0..<count).map { 1 + $0 * 37 % 5000 }
        let text = Self.text(sizes)
        let extra = (0..<fields).map { "X-\($0): \(String(repeating: "y", count: 90))\r\n" }.joined()
        try withServer(handler(sizes), maxHeadBytes: 5120) { server in
            let connection = try server.connect()
            // With requests behind, which share the connection's memory.
            try connection.send(put("/", "body", headers: extra) + String(repeating: get("/"), count: 20))
            for _ in 0...20 {
                let reply = try connection.readReply()
                #expect(reply["Content-Length"] == "\(text.count)")
                #expect(reply.body == text)
            }
            try waitUntil("the owners are released") { released.value == 21 }
        }
    }

    @Test(arguments: [3, 2000])
    func areReleasedWhenTheClientGoes(count: Int) throws {
        try withServer(handler(Array(repeating: 5000, count: count))) { server in
            for _ in 0..<20 {
                let connection = try server.connect(receiveBuffer: 4096)
                try connection.send(get("/"))
                // Not before there is an answer: a connection that is reset may be closed without a look at its request.
                _ = try connection.read(1)
                connection.dieHard()
            }
            try waitUntil("the owners are released") { server.requestsInFlight == 0 && released.value == 20 }
        }
    }

    @Test func countUntilTheyAreSent() throws {
        let size = 8 << 20
        try withServer(handler([size], heldBytes: size), threads: 1, maxBodyMemory: size) { server in
            let slow = try server.connect(receiveBuffer: 4096)
            try slow.send(get("/"))
            try waitUntil("it is being answered") { server.bytes.sent == size }
            #expect(try server.ask(get("/a")).text == "GET /a: no room")
            #expect(try slow.readReply().body.count == size)
            try waitUntil("there is room") { released.value == 2 }
            #expect(try server.ask(get("/")).status == 200)
        }
    }
}
