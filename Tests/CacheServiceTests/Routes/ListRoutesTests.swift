internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `GET /keys` and `DELETE /keys`.
struct ListRoutesTests {
    private let test: TestService

    init() throws { test = try TestService() }

    /// Walks a listing to its end.
    private func walk(_ query: String, in test: TestService? = nil) throws -> (keys: [[String: Any]], pages: [Int]) {
        var keys: [[String: Any]] = []
        var pages: [Int] = []
        var cursor: String? = ""
        while let from = cursor {
            let page = try (test ?? self.test).get("/keys?\(query)\(from.isEmpty ? "" : "&cursor=\(from)")").object
            let found = try #require(page["keys"] as? [[String: Any]])
            keys += found
            pages.append(found.count)
            cursor = page["cursor"] as? String
        }
        return (keys, pages)
    }

    private func names(_ keys: [[String: Any]]) -> [String] { keys.map { $0["key"] as? String ?? "none" }.sorted() }

    @Test func anEmptyCacheHasAnEmptyPage() {
        let reply = test.get("/keys")
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/json")
        #expect(reply.text == "{\"keys\":[],\"cursor\":null}\n")
    }

    @Test func tellsTimeLeftAndSize() {
        test.put("/keys/a%22%00?ttl=2.5", "[1, 2]")
        #expect(
            test.get("/keys").text == "{\"keys\":[{\"key\":\"a\\\"\\u0000\",\"ttl\":2.5,\"size\":5}],\"cursor\":null}\n"
        )
        test.clock.advance(by: .nanoseconds(1))
        #expect(
            test.get("/keys").text
                == "{\"keys\":[{\"key\":\"a\\\"\\u0000\",\"ttl\":2.499999999,\"size\":5}],\"cursor\":null}\n")
        test.clock.advance(by: .seconds(2.5))
        #expect(test.get("/keys").text == "{\"keys\":[],\"cursor\":null}\n")
        test.put("/keys/b", "null")
        #expect(test.get("/keys").text == "{\"keys\":[{\"key\":\"b\",\"ttl\":null,\"size\":4}],\"cursor\":null}\n")
        #expect(test.reads == (0, 0))
    }

    @Test(arguments: [1, 2, 7, 100, 999, 1000])
    func pagesHoldAllKeysOnce(limit: Int) throws {
        for number in 0..<250 { test.put("/keys/k\(number)") }
        let (keys, pages) = try walk("limit=\(limit)")
        #expect(names(keys) == (0..<250).map { "k\($0)" }.sorted())
        #expect(pages.allSatisfy { $0 <= limit })
    }

    @Test func aPageHoldsAHundredIfNotSaid() throws {
        for number in 0..<250 { test.put("/keys/k\(number)") }
        let (keys, pages) = try walk("")
        #expect(keys.count == 250)
        #expect(pages.first == 100)
    }

    @Test func onlyKeysWithThePrefix() throws {
        for key in ["user:1", "user:2", "user", "usa", "%C3%A9t%C3%A9", "a%20b", "a+b"] { test.put("/keys/\(key)") }
        #expect(names(try walk("prefix=user:").keys) == ["user:1", "user:2"])
        #expect(names(try walk("prefix=us").keys) == ["usa", "user", "user:1", "user:2"])
        #expect(names(try walk("prefix=").keys).count == 7)
        #expect(names(try walk("prefix=nobody").keys) == [])
        #expect(names(try walk("prefix=%C3%A9").keys) == ["été"])
        // In a query a plus is a space, as forms write it.
        #expect(names(try walk("prefix=a+").keys) == ["a b"])
        #expect(names(try walk("prefix=a%2B").keys) == ["a+b"])
        #expect(names(try walk("prefix=user:&limit=1").keys) == ["user:1", "user:2"])
    }

    @Test(arguments: [
        ("limit=0", "limit is \"0\"; it must be a whole number from 1 to 1000"),
        ("limit=1001", "limit is \"1001\"; it must be a whole number from 1 to 1000"),
        ("limit=-1", "limit is \"-1\"; it must be a whole number from 1 to 1000"),
        ("limit=", "limit is \"\"; it must be a whole number from 1 to 1000"),
        ("limit", "limit is \"\"; it must be a whole number from 1 to 1000"),
        ("limit=1.5", "limit is \"1.5\"; it must be a whole number from 1 to 1000"),
        ("limit=ten", "limit is \"ten\"; it must be a whole number from 1 to 1000"),
        ("limit=%2B5", "limit is \"+5\"; it must be a whole number from 1 to 1000"),
        ("limit=99999999999999999999", "limit is \"99999999999999999999\"; it must be a whole number from 1 to 1000"),
        (
            "limit=%",
            "the parameter limit has a broken escape at byte 0; a % must be followed by two hexadecimal digits"
        ),
        ("cursor=", "cursor is \"\"; it must be the cursor of the page before"),
        ("cursor=x", "cursor is \"x\"; it must be the cursor of the page before"),
        (
            "cursor=00000000000000000000000g",
            "cursor is \"00000000000000000000000g\"; it must be the cursor of the page before"
        ),
        ("cursor=%FF", "the parameter cursor is not valid UTF-8 after percent-decoding"),
        (
            "cursor=012345678901234567890123",
            "the cursor is not one that this process gave out; begin the listing again without it"
        ),
        (
            "prefix=a%4",
            "the parameter prefix has a broken escape at byte 1; a % must be followed by two hexadecimal digits"
        ),
        ("prefix=%FF", "the parameter prefix is not valid UTF-8 after percent-decoding"),
    ])
    func aBadParameterIsRefused(query: String, detail: String) throws {
        try expect(test.get("/keys?\(query)"), is: ExpectedProblem(400, "invalid_query", detail))
    }

    @Test func aCursorIsGoodAfterAllIsGone() throws {
        for number in 0..<50 { test.put("/keys/k\(number)") }
        let cursor = try #require(try test.get("/keys?limit=10").object["cursor"] as? String)
        _ = test.ask(.delete, "/keys")
        #expect(test.get("/keys?cursor=\(cursor)").text == "{\"keys\":[],\"cursor\":null}\n")
        #expect(test.get("/keys?cursor=\(cursor.uppercased())").status == 200)
    }

    @Test func unknownParametersAreIgnored() {
        #expect(test.get("/keys?Limit=0&cursors=x&x&=y&%ZZ=1").status == 200)
    }

    @Test func clearingTellsHowManyThereWere() throws {
        for key in ["user:1", "user:2", "usa", "other"] { test.put("/keys/\(key)") }
        test.put("/keys/user:old?ttl=1")
        test.clock.advance(by: .seconds(1))
        let reply = test.ask(.delete, "/keys?prefix=user:")
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/json")
        #expect(reply.text == "{\"deleted\":2}\n")
        #expect(test.ask(.delete, "/keys?prefix=nobody").text == "{\"deleted\":0}\n")
        #expect(test.ask(.delete, "/keys").text == "{\"deleted\":2}\n")
        #expect(test.ask(.delete, "/keys?prefix=").text == "{\"deleted\":0}\n")
        #expect(test.cache.getStats().deletes == 4)
    }

    @Test func aBadPrefixClearsNothing() throws {
        test.put("/keys/a")
        for prefix in ["%", "%F", "%FF"] {
            try expect(test.ask(.delete, "/keys?prefix=\(prefix)"), is: ExpectedProblem(400, "invalid_query"))
        }
        #expect(test.get("/keys/a").status == 200)
    }

    @Test(arguments: ["%70refix=user:", "prefi%78=user:", "&prefix=user:", "prefix=user%3A"])
    func aPrefixIsOneHoweverItIsWritten(query: String) {
        for key in ["user:1", "other"] { test.put("/keys/\(key)") }
        #expect(test.ask(.delete, "/keys?\(query)").text == "{\"deleted\":1}\n")
        #expect(test.get("/keys?\(query)").text == "{\"keys\":[],\"cursor\":null}\n")
        #expect(test.get("/keys/other").status == 200)
    }

    /// With a slip in the name of the prefix it must not be all keys that go.
    @Test(arguments: [
        ("Prefix=user:", "Prefix"), ("prefix=user:&limit=1", "limit"), ("prefx=user:", "prefx"), ("user:", "user:"),
        ("+prefix=user:", "+prefix"), ("%50refix=user:", "%50refix"), ("=user:", ""), ("prefix%=a", "prefix%"),
    ])
    func anUnknownParameterClearsNothing(query: String, named: String) throws {
        test.put("/keys/a")
        try expect(
            test.ask(.delete, "/keys?\(query)"),
            is: ExpectedProblem(
                400, "invalid_query", "the query has the parameter \"\(named)\"; here it may have prefix alone"))
        #expect(test.get("/keys/a").status == 200)
    }

    @Test func anEmptyPrefixClearsAll() {
        test.put("/keys/a")
        #expect(test.ask(.delete, "/keys?prefix=").text == "{\"deleted\":1}\n")
    }
}
