internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `POST /mget` and `POST /mdelete`: what they read from a body, and what they do with it.
struct MgetTests {
    private let test: TestService

    init() throws { test = try TestService() }

    @Test(arguments: [
        ("[]", "{\"values\":{},\"missing\":[]}\n"),
        ("[\"a\"]", "{\"values\":{\"a\":1},\"missing\":[]}\n"),
        ("[\"x\"]", "{\"values\":{},\"missing\":[\"x\"]}\n"),
        ("[\"b\",\"x\",\"a\",\"y\"]", "{\"values\":{\"b\":[2,\"two\"],\"a\":1},\"missing\":[\"x\",\"y\"]}\n"),
        ("[\"x\",\"a\"]", "{\"values\":{\"a\":1},\"missing\":[\"x\"]}\n"),
        ("[\"a\",\"a\",\"x\",\"x\",\"a\"]", "{\"values\":{\"a\":1},\"missing\":[\"x\"]}\n"),
        ("[\"a\",\"\\u0061\"]", "{\"values\":{\"a\":1},\"missing\":[]}\n"),
        ("[\"\\u0000\\\"\\n\",\"\\ud83e\\udd8a\"]", "{\"values\":{},\"missing\":[\"\\u0000\\\"\\n\",\"🦊\"]}\n"),
        (" [ \"a\" , \"b\" ] ", "{\"values\":{\"a\":1,\"b\":[2,\"two\"]},\"missing\":[]}\n"),
    ])
    func answersInTheOrderOfTheRequest(keys: String, answer: String) {
        test.put("/keys/a", "1")
        test.put("/keys/b", "[2, \"two\"]")
        for body in [keys, "{\"keys\":\(keys)}", "{ \"k\\u0065ys\" : \(keys) }"] {
            let reply = test.post("/mget", body)
            #expect(reply.status == 200)
            #expect(reply["Content-Type"] == "application/json")
            #expect(reply.text == answer)
        }
    }

    @Test func countsADistinctKeyOnce() {
        test.put("/keys/a")
        _ = test.post("/mget", "[\"a\",\"a\",\"b\",\"b\",\"c\"]")
        #expect(test.reads == (1, 2))
    }

    @Test func anExpiredEntryIsMissing() {
        test.put("/keys/a?ttl=1")
        test.clock.advance(by: .seconds(1))
        #expect(test.post("/mget", "[\"a\"]").text == "{\"values\":{},\"missing\":[\"a\"]}\n")
        #expect(test.cache.getStats().expirations == 1)
        _ = test.post("/mget", "[\"a\"]")
        #expect(test.cache.getStats().expirations == 1)
    }

    /// A large answer is made while it is sent, and must read as a small one.
    @Test(arguments: [[], [0], [1, 5], [5], [0, 1, 2, 3, 4, 5]])
    func aLargeAnswerIsTheSame(absent: [Int]) throws {
        let values = (0..<6).map { "\"\(String(repeating: "\($0)", count: 400_000))\"" }
        for (number, value) in values.enumerated() where !absent.contains(number) {
            test.put("/keys/k\(number)", value)
        }
        let found = values.indices.filter { !absent.contains($0) }.map { "\"k\($0)\":\(values[$0])" }
        let missing = absent.map { "\"k\($0)\"" }
        let reply = test.post("/mget", "[\"k0\",\"k1\",\"k2\",\"k3\",\"k4\",\"k5\"]")
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/json")
        let expected =
            "{\"values\":{\(found.joined(separator: ","))},\"missing\":[\(missing.joined(separator: ","))]}\n"
        #expect(reply.text == expected)
        #expect(test.reads == (6 - absent.count, absent.count))
    }

    @Test func aLargeAnswerKeepsWhatItFound() throws {
        let value = "\"\(String(repeating: "x", count: 900_000))\""
        for key in ["a", "b"] { test.put("/keys/\(key)", value) }
        let response = LiteralRequest(.post, "/mget", body: Array("[\"a\",\"b\"]".utf8)).answer(by: test.service)
        // What happens to the entries now, and to what takes their place, is nothing to this answer.
        test.put("/keys/a", "1")
        _ = test.ask(.delete, "/keys")
        #expect(Reply(response).text == "{\"values\":{\"a\":\(value),\"b\":\(value)},\"missing\":[]}\n")
    }

    @Test func deleteTellsHowManyThereWere() {
        for key in ["a", "b", "c"] { test.put("/keys/\(key)") }
        test.put("/keys/old?ttl=1")
        test.clock.advance(by: .seconds(1))
        #expect(test.post("/mdelete", "[\"a\",\"x\",\"a\",\"old\"]").text == "{\"deleted\":1}\n")
        #expect(test.post("/mdelete", "{\"keys\":[\"b\"]}").text == "{\"deleted\":1}\n")
        #expect(test.post("/mdelete", "[]").text == "{\"deleted\":0}\n")
        #expect(test.cache.getStats().currentSize == 1)
        #expect(test.cache.getStats().deletes == 2)
        #expect(test.cache.getStats().expirations == 1)
        #expect(test.reads == (0, 0))
    }

    @Test(arguments: ["/mget", "/mdelete"])
    func whatIsNoListOfKeysIsRefused(path: String) throws {
        test.put("/keys/a")
        let expected = "the body must be an array of keys, or an object whose one member \"keys\" is such an array"
        for body in [
            "{}", "1", "null", "\"a\"", "{\"keys\":1}", "{\"keys\":null}", "{\"keys\":{\"a\":1}}",
            "{\"keys\":[\"a\"],\"x\":1}",
            "{\"x\":1,\"keys\":[\"a\"]}", "{\"Keys\":[\"a\"]}",
        ] {
            try expect(test.post(path, body), is: ExpectedProblem(400, "invalid_body", expected))
        }
        try expect(
            test.post(path, "{\"keys\":[\"a\"],\"keys\":[\"b\"]}"),
            is: ExpectedProblem(400, "invalid_body", "the body has the member \"keys\" twice; it may have it once"))
        try expect(
            test.post(path, ""), is: ExpectedProblem(400, "invalid_json", "the body is empty; it must be a JSON text"))
        try expect(
            test.post(path, "[\"a\""),
            is: ExpectedProblem(
                400, "invalid_json",
                "the body is not JSON: unexpected end of the text: expected ',' or ']' after an element, at byte 4"))
        #expect(test.get("/keys/a").status == 200)
    }

    @Test(arguments: ["/mget", "/mdelete"])
    func itemsAtFaultAreListed(path: String) throws {
        test.put("/keys/a")
        let long = String(repeating: "k", count: 513)
        let reply = test.post(path, "[\"a\",1,\"\",\"\(long)\",\"\\ud800\",null,[\"a\"]]")
        let items = try expect(
            reply,
            is: ExpectedProblem(
                400, "invalid_body", "nothing was done: item 1: a key is 1; it must be a string; 5 more items are wrong"
            ))
        #expect(
            items.map { $0["code"] } == [
                "invalid_body", "invalid_key", "key_too_long", "invalid_key", "invalid_body", "invalid_body",
            ])
        #expect(items.map { $0["key"] } == ["", "", long, "", "", ""])
        #expect(items[1]["detail"] == "item 2: the key is empty; it must have 1 to 512 bytes")
        #expect(items[2]["detail"] == "item 3: the key has 513 bytes; it may have at most 512")
        #expect(items[5]["detail"] == "item 6: a key is [\"a\"]; it must be a string")
        #expect(test.cache.getStats().currentSize == 1)
        #expect(test.reads == (0, 0))
    }

    @Test(arguments: ["/mget", "/mdelete"])
    func thereMayBeSoManyItems(path: String) throws {
        let test = try TestService(limits: ServiceLimits(maxBulkItems: 3))
        #expect(test.post(path, "[\"a\",\"b\",\"c\"]").status == 200)
        for keys in ["[\"a\",\"b\",\"c\",\"d\"]", "[\"a\",\"a\",\"a\",\"a\"]", "[1,2,3,4]"] {
            let items = try expect(
                test.post(path, keys),
                is: ExpectedProblem(413, "too_many_items", "the body has 4 items; it may have at most 3"))
            #expect(items.isEmpty)
        }
        #expect(test.reads == (path == "/mget" ? (0, 3) : (0, 0)))
    }

    @Test func aBodyMayHaveSoManyBytes() throws {
        let test = try TestService(limits: ServiceLimits(maxBodyBytes: 20))
        #expect(test.post("/mget", "[\"0123456789abcdef\"]").status == 200)
        for path in ["/mget", "/mput", "/mdelete"] {
            try expect(
                test.post(path, "[\"0123456789abcdefg\"]"),
                is: ExpectedProblem(413, "body_too_large", "the body has more than 20 bytes, which is the most"))
        }
    }
}
