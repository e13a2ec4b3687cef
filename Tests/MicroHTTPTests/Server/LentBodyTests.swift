internal import MicroHTTP
internal import TestSupport
internal import Testing

/// Bodies of responses that belong to someone else, and kinds of bodies at hand.
struct LentBodyTests {
    private let returned = Tally()

    private func handler(lending count: Int) -> TestHandler {
        TestHandler(onRespond: { [returned] _ in
            Response(status: 200, body: .lent(Loan.make(count, returned: returned)))
        })
    }

    @Test(arguments: [1, 1000, 100_000, 3 << 20])
    func comeBackOnceWhenTheyAreSent(count: Int) throws {
        try withServer(handler(lending: count)) { server in
            let connection = try server.connect()
            for request in 1...3 {
                try connection.send(get("/"))
                let reply = try connection.readReply()
                #expect(reply.body == [UInt8](repeating: Loan.content, count: count))
                try waitUntil("loan \(request) comes back") { returned.value == request }
            }
        }
        #expect(returned.value == 3)
    }

    @Test func comeBackOnceWithoutBeingSentToHead() throws {
        try withServer(handler(lending: 5000)) { server in
            let connection = try server.connect()
            for request in 1...3 {
                try connection.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n")
                #expect(try connection.readReply(toHead: true)["Content-Length"] == "5000")
                try waitUntil("loan \(request) comes back") { returned.value == request }
            }
        }
        #expect(returned.value == 3)
    }

    @Test(arguments: [false, true])
    func comeBackOnceWhenTheClientIsGone(hard: Bool) throws {
        try withServer(handler(lending: 64 << 20)) { server in
            for request in 1...5 {
                do {
                    let connection = try server.connect(receiveBuffer: 1 << 18)
                    try connection.send(get("/"))
                    _ = try connection.read(200)
                    #expect(returned.value == request - 1)
                    if hard { connection.dieHard() }
                }
                try waitUntil("loan \(request) comes back") { returned.value == request }
            }
            try waitUntil("no request is left") { server.requestsInFlight == 0 }
        }
        #expect(returned.value == 5)
    }

    @Test func comeBackOnceWhenTheServerStops() throws {
        let connection = try withServer(handler(lending: 64 << 20)) { server in
            let connection = try server.connect(receiveBuffer: 1 << 18)
            try connection.send(get("/"))
            _ = try connection.read(200)
            #expect(returned.value == 0)
            return connection
        }
        #expect(returned.value == 1)
        _ = try connection.readToEnd()
    }

    @Test func comeBackOnceFromARefusal() throws {
        let handler = TestHandler(onAdmit: { [returned] _ in
            .refuse(Response(status: 400, body: .lent(Loan.make(50, returned: returned))))
        })
        try withServer(handler) { server in
            let reply = try server.ask(put("/", "abc"))
            #expect(reply.body.count == 50)
            try waitUntil("the loan comes back") { returned.value == 1 }
        }
    }

    @Test func manyAreLentSideBySide() throws {
        let count = 20
        try withServer(handler(lending: 1 << 20), threads: 2) { server in
            let connections = try (0..<count).map { _ in try server.connect(receiveBuffer: 1 << 18) }
            for connection in connections { try connection.send(get("/") + get("/")) }
            for connection in connections {
                #expect(try connection.readReply().body.count == 1 << 20)
                #expect(try connection.readReply().body.count == 1 << 20)
            }
        }
        #expect(returned.value == 2 * count)
    }

    @Test(arguments: [0, 1, 16 * 1024, 16 * 1024 + 1, 2 << 20])
    func ownBytesAreSentWhole(count: Int) throws {
        let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try withServer(TestHandler(onRespond: { _ in Response(status: 200, body: .bytes(body)) })) { server in
            let connection = try server.connect()
            for _ in 0..<3 {
                try connection.send(get("/"))
                let reply = try connection.readReply()
                #expect(reply.body == body)
                #expect(reply["Content-Length"] == "\(count)")
            }
        }
    }

    @Test func constantsAndNothingAreSent() throws {
        let handler = TestHandler(onRespond: { request in
            let text: StaticString = "of the program"
            let bytes = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
            return request.head.path.equals("/c")
                ? Response(status: 200, body: .constant(bytes)) : Response(status: 204)
        })
        try withServer(handler) { server in
            let connection = try server.connect()
            try connection.send(get("/c") + get("/e") + get("/c"))
            #expect(try connection.readReply().text == "of the program")
            let empty = try connection.readReply()
            #expect(empty.status == 204)
            #expect(empty["Content-Length"] == nil)
            #expect(try connection.readReply().text == "of the program")
        }
    }
}
