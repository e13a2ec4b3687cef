internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `POST /mput`.
struct MputTests {
    private let test: TestService

    init() throws { test = try TestService() }

    private static let expected =
        "the body must be an object whose member \"items\" is an object of values by key, or an array of "
        + "{\"key\":…,\"value\":…}, with \"ttl\" beside it if they are to expire"

    @Test(arguments: [
        "{\"items\":{\"a\":1,\"b\":[2 , 3]}}",
        "{\"items\":[{\"key\":\"a\",\"value\":1},{\"value\":[2,3],\"key\":\"b\"}]}",
        "{\"ttl\":null,\"items\":{\"a\":1,\"b\":[2,3]}}", "{\"it\\u0065ms\":{\"\\u0061\":1,\"b\":[2,3]}}",
        "{\"items\":[{\"key\":\"a\",\"value\":1,\"ttl\":null},{\"key\":\"b\",\"value\":[2,3]}],\"ttl\":null}",
    ])
    func storesAllItems(body: String) {
        let reply = test.post("/mput", body)
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/json")
        #expect(reply.text == "{\"stored\":2}\n")
        #expect(test.get("/keys/a").text == "1")
        #expect(test.get("/keys/b").text == "[2,3]")
        #expect(test.get("/keys/a")["Cache-Control"] == nil)
        #expect(test.cache.getStats().puts == 2)
    }

    @Test func noItemsAreStoredToo() {
        for items in ["{}", "[]"] { #expect(test.post("/mput", "{\"items\":\(items)}").text == "{\"stored\":0}\n") }
    }

    @Test func anItemsOwnTimeToLiveGoesFirst() {
        _ = test.post(
            "/mput", "{\"items\":[{\"key\":\"own\",\"value\":1,\"ttl\":5},{\"key\":\"all\",\"value\":1}],\"ttl\":300}")
        #expect(test.get("/keys/own")["Cache-Control"] == "max-age=5")
        #expect(test.get("/keys/all")["Cache-Control"] == "max-age=300")
        // Wherever it stands.
        _ = test.post("/mput", "{\"ttl\":9,\"items\":{\"own\":2}}")
        #expect(test.get("/keys/own")["Cache-Control"] == "max-age=9")
    }

    @Test func ofAKeyTwiceTheLaterStands() {
        #expect(test.post("/mput", "{\"items\":{\"a\":1,\"b\":2,\"a\":3}}").text == "{\"stored\":3}\n")
        #expect(test.get("/keys/a").text == "3")
        _ = test.post("/mput", "{\"items\":[{\"key\":\"a\",\"value\":4,\"ttl\":9},{\"key\":\"a\",\"value\":5}]}")
        #expect(test.get("/keys/a").text == "5")
        #expect(test.get("/keys/a")["Cache-Control"] == nil)
        #expect(test.cache.getStats().currentSize == 2)
    }

    @Test func keysAreAnyCharacters() {
        _ = test.post("/mput", "{\"items\":{\"\\u0000/\\\"\\ud83e\\udd8a\":\"\\u0061\"}}")
        #expect(test.get("/keys/%00%2F%22%F0%9F%A6%8A").text == "\"\\u0061\"")
    }

    @Test(arguments: ["", "{", "[1", "{\"items\":{\"a\":}}", "{\"items\":{\"a\":1}} x"])
    func whatIsNotJSONIsRefused(body: String) throws {
        try expect(test.post("/mput", body), is: ExpectedProblem(400, "invalid_json"))
        #expect(test.cache.getStats().currentSize == 0)
    }

    @Test(arguments: [
        "{}", "[]", "1", "null", "{\"ttl\":5}", "{\"items\":1}", "{\"items\":null}", "{\"items\":\"a\"}",
        "[{\"key\":\"a\",\"value\":1}]",
    ])
    func whatHasNoItemsIsRefused(body: String) throws {
        let items = try expect(test.post("/mput", body), is: ExpectedProblem(400, "invalid_body", Self.expected))
        #expect(items.isEmpty)
    }

    @Test func anUnknownMemberIsRefused() throws {
        try expect(
            test.post("/mput", "{\"items\":{\"a\":1},\"TTL\":5}"),
            is: ExpectedProblem(
                400, "invalid_body", "the body has the member \"TTL\"; it may have \"items\" and \"ttl\""))
        try expect(
            test.post("/mput", "{\"items\":[{\"key\":\"a\",\"value\":1,\"expires_at\":9}]}"),
            is: ExpectedProblem(
                400, "invalid_body",
                "nothing was done: item 0: an item has the member \"expires_at\"; it may have \"key\", \"value\", \"tags\", \"ttl\""
            ))
        #expect(test.cache.getStats().currentSize == 0)
    }

    @Test(arguments: [
        ("{\"items\":{\"a\":1},\"items\":{\"b\":1}}", "the body has the member \"items\""),
        ("{\"items\":{\"a\":1},\"ttl\":5,\"ttl\":5}", "the body has the member \"ttl\""),
        ("{\"ttl\":null,\"ttl\":5,\"items\":{\"a\":1}}", "the body has the member \"ttl\""),
        (
            "{\"items\":[{\"key\":\"a\",\"key\":\"b\",\"value\":1}]}",
            "nothing was done: item 0: an item has the member \"key\""
        ),
    ])
    func aMemberThatIsThereTwiceIsRefused(body: String, fault: String) throws {
        try expect(
            test.post("/mput", body), is: ExpectedProblem(400, "invalid_body", "\(fault) twice; it may have it once"))
        #expect(test.cache.getStats().puts == 0)
    }

    @Test func whenOneItemIsBadNothingIsStored() throws {
        let long = String(repeating: "k", count: 513)
        let items = [
            "{\"key\":\"good\",\"value\":1}", "{\"key\":\"\",\"value\":1}", "{\"key\":\"t\",\"value\":1,\"ttl\":0}",
            "{\"key\":\"\(long)\",\"value\":1}", "{\"value\":1}", "{\"key\":\"v\"}", "{\"key\":1,\"value\":1}", "7",
            "{\"key\":\"\\udead\",\"value\":1}", "{\"key\":\"also good\",\"value\":1}",
            "{\"key\":\"x\",\"value\":1,\"y\":2}",
        ]
        let reply = test.post("/mput", "{\"items\":[\(items.joined(separator: ","))]}")
        let errors = try expect(
            reply,
            is: ExpectedProblem(
                400, "invalid_key",
                "nothing was done: item 1: the key is empty; it must have 1 to 512 bytes; 8 more items are wrong"))
        #expect(
            errors.map { $0["code"]! } == [
                "invalid_key", "invalid_ttl", "key_too_long", "invalid_body", "invalid_body", "invalid_body",
                "invalid_body",
                "invalid_key", "invalid_body",
            ])
        #expect(errors.map { $0["key"]! } == ["", "t", long, "", "v", "", "", "", ""])
        #expect(
            errors.map { $0["detail"]!.prefix { $0 != ":" } } == [1, 2, 3, 4, 5, 6, 7, 8, 10].map { "item \($0)" })
        #expect(errors[3]["detail"] == "item 4: an item has no \"key\"")
        #expect(errors[4]["detail"] == "item 5: an item has no \"value\"")
        let stats = test.cache.getStats()
        #expect((stats.puts, stats.currentSize) == (0, 0))
    }

    @Test func membersAtFaultAreListedToo() throws {
        let test = try TestService(limits: ServiceLimits(maxValueBytes: 3))
        let errors = try expect(
            test.post("/mput", "{\"items\":{\"good\":123,\"large\":1234,\"\":1,\"a\":[1, 2]}}"),
            is: ExpectedProblem(
                413, "value_too_large",
                "nothing was done: item 1: the value has 4 bytes; it may have at most 3; 2 more items are wrong"))
        #expect(errors.map { $0["key"]! } == ["large", "", "a"])
        #expect(test.cache.getStats().puts == 0)
        // White space doesn't count.
        #expect(test.post("/mput", "{\"items\":{\"a\":[ 1 ]}}").status == 200)
    }

    @Test func noMoreThanSoManyFaultsAreListed() throws {
        let items = (0..<300).map { _ in "{\"key\":\"\",\"value\":1}" }.joined(separator: ",")
        let errors = try expect(
            test.post("/mput", "{\"items\":[\(items)]}"),
            is: ExpectedProblem(
                400, "invalid_key",
                "nothing was done: item 0: the key is empty; it must have 1 to 512 bytes; 299 more items are wrong"))
        #expect(errors.count == 100)
        #expect(errors[99]["detail"] == "item 99: the key is empty; it must have 1 to 512 bytes")
    }

    @Test func anItemThatFitsNowhereIsRefusedWithAllOthers() throws {
        let test = try TestService(memoryLimit: 1 << 20)
        test.put("/keys/old", "1")
        let large = "\"\(String(repeating: "x", count: 1_200_000))\""
        let errors = try expect(
            test.post("/mput", "{\"items\":{\"a\":1,\"b\":\(large)}}"), is: ExpectedProblem(507, "insufficient_storage")
        )
        #expect(errors.map { $0["key"]! } == ["b"])
        #expect(test.get("/keys/a").status == 404)
        #expect(test.get("/keys/old").status == 200)
    }

    @Test func thereMayBeSoManyItems() throws {
        let test = try TestService(limits: ServiceLimits(maxBulkItems: 3))
        #expect(test.post("/mput", "{\"items\":{\"a\":1,\"b\":1,\"c\":1}}").status == 200)
        for items in ["{\"a\":1,\"b\":1,\"c\":1,\"d\":1}", "{\"a\":1,\"a\":1,\"a\":1,\"a\":1}", "[1,2,3,4]"] {
            try expect(
                test.post("/mput", "{\"items\":\(items)}"),
                is: ExpectedProblem(413, "too_many_items", "the body has 4 items; it may have at most 3"))
        }
    }

    @Test func moreThanFitStillHoldTheBound() throws {
        let test = try TestService(capacity: 10)
        let items = (0..<25).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        #expect(test.post("/mput", "{\"items\":{\(items)}}").text == "{\"stored\":25}\n")
        let stats = test.cache.getStats()
        #expect((stats.puts, stats.evictions, stats.currentSize) == (25, 15, 10))
        for number in 0..<25 { #expect(test.get("/keys/k\(number)").status == (number < 15 ? 404 : 200)) }
    }
}
