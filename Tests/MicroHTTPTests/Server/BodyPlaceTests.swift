internal import TestSupport
internal import Testing

@testable internal import MicroHTTP

/// Bodies that are collected in memory of the handler's.
struct BodyPlaceTests {
    private final class Place: BodyPlace {
        let room: UnsafeMutableRawBufferPointer
        let released: Tally

        init(_ count: Int, _ released: Tally) {
            room = .allocate(byteCount: count + Request.padding, alignment: 1)
            self.released = released
        }

        deinit {
            room.deallocate()
            released.add()
        }
    }

    private let released = Tally()
    private var handler: TestHandler {
        TestHandler(
            onAdmit: { [released] head in
                guard case .length(let count) = head.framing else { return .collect(limit: 1 << 20) }
                return .place(Place(count, released))
            },
            onRespond: { request in
                let isThere =
                    request.place.map { UnsafeRawBufferPointer($0.room).baseAddress == request.body.baseAddress }
                    ?? false
                return .text("\(isThere) \(String(request.body))")
            })
    }

    @Test func theBodyIsThere() throws {
        try withServer(handler) { server in
            let connection = try server.connect()
            for count in [1, 100, 10_000, 3_000_000] {
                let body = String(repeating: "b", count: count)
                try connection.send(put("/p", body))
                #expect(try connection.readReply().text == "true \(body)")
            }
            // Of what is chunked the length is not known.
            try connection.send(
                "PUT /p HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            #expect(try connection.readReply().text == "false abc")
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
        }
        #expect(released.value == 4)
    }

    @Test func aClientThatGoesAwayLeavesNothing() throws {
        try withServer(handler) { server in
            for _ in 0..<10 {
                let connection = try server.connect()
                try connection.send("PUT /p HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nbegun")
                try waitUntil("it has begun") { server.requestsInFlight == 1 }
            }
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
        }
        #expect(released.value == 10)
    }

    @Test func beyondTheMemoryForBodiesItIsRefused() throws {
        try withServer(handler, threads: 1, maxBodyMemory: 1 << 20) { server in
            let first = try server.connect()
            let body = String(repeating: "b", count: 700_000)
            try first.send(String(put("/p", body).dropLast(1)))
            try waitUntil("it has come so far") { server.bytes.received > 699_000 }
            #expect(try server.ask(put("/q", body)).status == 503)
            try first.send("b")
            #expect(try first.readReply().text == "true \(body)")
            #expect(try server.ask(put("/q", body)).status == 200)
        }
    }
}
