internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `POST /warm`.
struct WarmTests {
    private let test: TestService

    init() throws { test = try TestService(secondsSince1970: 1_000_000) }

    @Test func loadsLines() {
        let reply = test.post(
            "/warm",
            """
            {"key":"a","value":{ "x" : 1 }}
            {"value":2,"key":"b","ttl":2.5}
            {"key":"c","value":3,"expires_at":1000010.25}
            {"key":"d","value":null,"ttl":null,"expires_at":null}
            """)
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/json")
        #expect(reply.text == "{\"loaded\":4,\"failed\":0,\"expired\":0,\"errors\":[],\"duration_ms\":0.0}\n")
        #expect(test.get("/keys/a").text == "{\"x\":1}")
        #expect(test.get("/keys/b")["Cache-Control"] == "max-age=2")
        #expect(test.get("/keys/c")["Cache-Control"] == "max-age=10")
        #expect(test.get("/keys/d")["Cache-Control"] == nil)
        #expect(test.cache.getStats().puts == 4)
    }

    @Test func noBodyIsAStreamOfNoLines() {
        for body in ["", "\n", "\r\n \n\t\n"] {
            #expect(
                test.post("/warm", body).text
                    == "{\"loaded\":0,\"failed\":0,\"expired\":0,\"errors\":[],\"duration_ms\":0.0}\n")
        }
    }

    @Test func aBadLineIsReportedAndTheRestLoads() throws {
        let long = String(repeating: "k", count: 513)
        let reply = test.post(
            "/warm",
            """
            {"key":"first","value":1}

            {"key":"user:3" "value":1}
            nonsense
            {"key":"","value":1}
            \t
            {"key":"\(long)","value":1}
            {"key":"a"}
            {"value":1}
            [1]
            {"key":"a","value":1,"ttl":0}
            {"key":"a","value":1,"ttl":1,"expires_at":1000001}
            {"key":"a","value":1,"expires_at":"soon"}
            {"key":"a","value":1,"expires_at":1e300}
            {"key":"a","value":1,"extra":1}
            {"key":"old","value":1,"expires_at":999999.5}
            {"key":"old","value":1,"expires_at":1000000}
            {"key":"old","value":1,"expires_at":-5}
            {"key":"last","value":1}
            """)
        let report = try reply.object
        #expect(report["loaded"] as? Int == 2)
        #expect(report["failed"] as? Int == 12)
        #expect(report["expired"] as? Int == 3)
        let errors = try #require(report["errors"] as? [[String: Any]])
        #expect(errors.map { $0["line"] as! Int } == [3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15])
        #expect(
            errors.map { $0["code"] as! String } == [
                "invalid_json", "invalid_json", "invalid_key", "key_too_long", "invalid_body", "invalid_body",
                "invalid_body",
                "invalid_ttl", "invalid_ttl", "invalid_ttl", "invalid_ttl", "invalid_body",
            ])
        #expect(errors[0]["detail"] as? String == "expected ',' or '}' after a member, at byte 16")
        #expect(errors[2]["detail"] as? String == "the key is empty; it must have 1 to 512 bytes")
        #expect(Set(errors[0].keys) == ["line", "code", "detail"])
        #expect(test.cache.getStats().currentSize == 2)
        #expect(test.get("/keys/first").status == 200)
        #expect(test.get("/keys/last").status == 200)
        #expect(test.get("/keys/old").status == 404)
    }

    @Test func aHundredErrorsAreToldAndAllAreCounted() throws {
        let report = try test.post("/warm", String(repeating: "x\n", count: 250)).object
        #expect(report["failed"] as? Int == 250)
        let errors = try #require(report["errors"] as? [[String: Any]])
        #expect(errors.count == 100)
        #expect(errors[99]["line"] as? Int == 100)
    }

    @Test func aLineMayBeSoLong() throws {
        let test = try TestService(limits: ServiceLimits(maxKeyBytes: 10, maxValueBytes: 100))
        let value = "\"\(String(repeating: "x", count: 98))\""
        let large = "\"\(String(repeating: "x", count: 99))\""
        let endless = String(repeating: "x", count: 100_000)
        let report = try test.post(
            "/warm",
            """
            {"key":"a","value":\(value)}
            {"key":"b","value":\(large)}
            {"key":"c","value":"\(endless)"}
            {"key":"d",   "value"  :   \(String(repeating: " ", count: 3000))   1}
            {"key":"e","value":1}
            """
        ).object
        #expect(report["loaded"] as? Int == 3)
        let errors = try #require(report["errors"] as? [[String: Any]])
        #expect(errors.map { $0["line"] as! Int } == [2, 3])
        #expect(errors.map { $0["code"] as! String } == ["value_too_large", "value_too_large"])
        #expect(errors[0]["detail"] as? String == "the value has 101 bytes; it may have at most 100")
        #expect(
            errors[1]["detail"] as? String == "the line is longer than a key of 10 bytes and a value of 100 bytes need")
    }

    private static let pieces = """
        {"key":"a","value":[1,2]}\r
        {"key":"é🦊","value":"\\u0061"}

        bad
        {"key":"b","value":1,"ttl":9}
        {"key":"c","value":1,"expires_at":5}
        {"key":"d","value":2}
        """

    private func receive(_ pieces: [ArraySlice<UInt8>]) throws -> (reply: Reply, keys: [String]) {
        let receiver = try WarmReceiver(service: test.service)
        for piece in pieces { Array(piece).withUnsafeBytes { receiver.receive($0) } }
        let reply = Reply(receiver.respond())
        let keys = ["a", "%C3%A9%F0%9F%A6%8A", "b", "c", "d"].map { test.get("/keys/\($0)").text }
        return (reply, keys)
    }

    @Test func aBodyMayArriveInAnyPieces() throws {
        let bytes = Array(Self.pieces.utf8)
        let whole = try receive([bytes[...]])
        #expect(
            whole.reply.text == """
                {"loaded":4,"failed":1,"expired":1,"errors":[{"line":4,"code":"invalid_json",\
                "detail":"expected a value, at byte 0"}],"duration_ms":0.0}

                """)
        #expect(whole.keys[0...2] == ["[1,2]", "\"\\u0061\"", "1"])
        for split in 0...bytes.count {
            _ = test.ask(.delete, "/keys")
            let parts = try receive([bytes[..<split], bytes[split...]])
            #expect(parts.reply.text == whole.reply.text, "split at \(split)")
            #expect(parts.keys == whole.keys, "split at \(split)")
        }
        _ = test.ask(.delete, "/keys")
        let single = try receive(bytes.indices.map { bytes[$0...$0] })
        #expect(single.reply.text == whole.reply.text)
        #expect(single.keys == whole.keys)
    }

    @Test func whatCameBeforeTheClientLeftStays() throws {
        // What a piece brought is kept when the piece has been read.
        let line = Array("{\"key\":\"a\",\"value\":1}\n".utf8)
        do {
            let receiver = try WarmReceiver(service: test.service)
            line.withUnsafeBytes { receiver.receive($0) }
            Array("{\"key\":\"b\",\"va".utf8).withUnsafeBytes { receiver.receive($0) }
        }
        #expect(test.get("/keys/a").status == 200)
        #expect(test.get("/keys/b").status == 404)
    }

    @Test func theTimeItTookIsTold() throws {
        let receiver = try WarmReceiver(service: test.service)
        test.clock.advance(by: .microseconds(1_234_567))
        #expect(Reply(receiver.respond()).text.hasSuffix(",\"duration_ms\":1234.567}\n"))
    }

    @Test func moreThanFitStillHoldTheBound() throws {
        let test = try TestService(capacity: 100)
        let lines = (0..<1000).map { "{\"key\":\"\($0)\",\"value\":\($0)}\n" }.joined()
        #expect(try test.post("/warm", lines).object["loaded"] as? Int == 1000)
        let stats = test.cache.getStats()
        #expect((stats.currentSize, stats.evictions) == (100, 900))
        #expect(test.get("/keys/999").status == 200)
    }

    @Test func anEntryThatFitsNowhereIsReported() throws {
        let test = try TestService(memoryLimit: 1 << 20)
        let large = "\"\(String(repeating: "x", count: 1_200_000))\""
        let report = try test.post("/warm", "{\"key\":\"a\",\"value\":\(large)}\n{\"key\":\"b\",\"value\":1}\n").object
        #expect(report["loaded"] as? Int == 1)
        #expect((report["errors"] as? [[String: Any]])?.first?["code"] as? String == "insufficient_storage")
    }
}
