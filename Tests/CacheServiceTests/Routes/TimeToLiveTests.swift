internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// How long entries live, in every way that a request can say it.
struct TimeToLiveTests {
    private let test: TestService

    init() throws { test = try TestService() }

    private static let rule = "it must be a number of seconds, more than 0 and at most 315360000"

    /// What a text means in seconds, to the nanosecond; nil if it is refused.
    private static let forms: [(text: String, nanoseconds: Int64?)] = [
        ("1", 1_000_000_000), ("300", 300_000_000_000), ("0.5", 500_000_000), ("1.5", 1_500_000_000),
        ("007", 7_000_000_000),
        ("1.0", 1_000_000_000), ("0.001", 1_000_000), ("0.0000000001", 1), ("315360000", 315_360_000_000_000_000),
        ("315360000.0", 315_360_000_000_000_000), ("315360000.1", nil), ("315360001", nil), ("0", nil), ("0.0", nil),
        ("-1", nil),
        ("-0.5", nil), ("1e3", 1_000_000_000_000), ("1.5E+1", 15_000_000_000), ("5e-1", 500_000_000), ("1e9", nil),
        ("1e-400", nil), ("1e400", nil), ("e3", nil), ("1e", nil), ("1e+", nil), ("1e1e1", nil), ("1e.5", nil),
        ("1e1.5", nil), ("nan", nil), ("NaN", nil), ("inf", nil), ("infinity", nil), ("0x10", nil),
        (".5", nil), ("5.", nil), (".", nil), ("5.5.5", nil), ("5s", nil), ("5m", nil), ("five", nil), ("1,5", nil),
        ("1_000", nil),
        ("٥", nil), ("99999999999999999999", nil), ("1000000000000000000000000000000000000000000", nil), ("null", nil),
    ]

    private func left(_ key: String) -> Int64? {
        Array(key.utf8).withUnsafeBytes { key in test.cache.lookup(key)?.timeLeft(at: test.cache.now) ?? nil }
    }

    @Test(arguments: forms)
    func ofTheQuery(text: String, nanoseconds: Int64?) throws {
        let reply = test.put("/keys/a?ttl=\(text.replacing("+", with: "%2B"))")
        if let nanoseconds {
            #expect(reply.status == 201)
            #expect(left("a") == nanoseconds)
        } else {
            let quoted = text.utf8.count > 60 ? nil : "ttl is \"\(text)\"; \(Self.rule)"
            try expect(reply, is: ExpectedProblem(400, "invalid_ttl", quoted))
            #expect(left("a") == nil)
        }
    }

    @Test(arguments: forms)
    func ofCacheControl(text: String, nanoseconds: Int64?) throws {
        let reply = test.put("/keys/a", headers: [("Cache-Control", "max-age=\(text)")])
        // HTTP knows whole numbers only.
        if let nanoseconds, text.allSatisfy(\.isNumber) {
            #expect(reply.status == 201)
            #expect(left("a") == nanoseconds)
        } else if !text.contains(",") {
            let rule = "it must be a whole number of seconds, from 1 to 315360000"
            let quoted = text.utf8.count > 60 ? nil : "max-age of Cache-Control is \"\(text)\"; \(rule)"
            try expect(reply, is: ExpectedProblem(400, "invalid_ttl", quoted))
        }
    }

    @Test(arguments: [
        ("?ttl=", "ttl is \"\""), ("?ttl", "ttl is \"\""), ("?ttl=%205", "ttl is \" 5\""),
        ("?ttl=5%20", "ttl is \"5 \""),
        ("?ttl=+5", "ttl is \" 5\""), ("?ttl=%2B5", "ttl is \"+5\""), ("?ttl=5%00", "ttl is \"5\0\""),
        ("?ttl=0&ttl=5", "ttl is \"0\""),
    ])
    func oddFormsInTheQueryAreRefused(query: String, detail: String) throws {
        try expect(test.put("/keys/a\(query)"), is: ExpectedProblem(400, "invalid_ttl", "\(detail); \(Self.rule)"))
    }

    @Test func aBrokenEscapeInTheQueryIsRefused() throws {
        try expect(
            test.put("/keys/a?ttl=5%"),
            is: ExpectedProblem(
                400, "invalid_ttl", "ttl has a broken escape at byte 1; a % must be followed by two hexadecimal digits")
        )
        try expect(test.put("/keys/a?ttl=%FF"), is: ExpectedProblem(400, "invalid_ttl"))
    }

    @Test func anEscapedNumberIsANumber() {
        #expect(test.put("/keys/a?ttl=%35%2E5").status == 201)
        #expect(left("a") == 5_500_000_000)
    }

    @Test(
        arguments: [
            ("max-age=60", 60), ("Max-Age=60", 60), ("no-cache, max-age=60", 60), ("no-cache,max-age=60,x", 60),
            ("\tmax-age=60 ", 60),
            ("max-age=60, max-age=70", 60), ("no-store", nil), ("s-maxage=60", nil), ("max-age=\"60\"", 60),
            ("max-age=\"60\" , x=\"1\"", 60),
            ("private=\"a, max-age=5\", max-age=60", 60), ("x=\"\\\", max-age=5\", max-age=60", 60),
            ("x=\"max-age=5", nil), ("=60", nil),
            ("x-max-age=60", nil),
            ("max-stale=60", nil), ("", nil), (",", nil), (", ,", nil),
        ] as [(String, Int64?)])
    func theDirectiveIsFound(field: String, seconds: Int64?) {
        #expect(test.put("/keys/a", headers: [("cache-control", field)]).status == 201)
        #expect(left("a") == seconds.map { $0 * 1_000_000_000 })
    }

    @Test(arguments: [
        "max-age", "max-age=", "max-age=\"\"", "max-age=\"60", "max-age=60\"", "max-age = 60", "max-age=1.5",
    ])
    func oddFormsOfTheDirectiveAreRefused(field: String) throws {
        try expect(test.put("/keys/a", headers: [("Cache-Control", field)]), is: ExpectedProblem(400, "invalid_ttl"))
        #expect(left("a") == nil)
    }

    @Test func allFieldsAreOneList() throws {
        let fields = ["no-cache", "max-age=60", "max-age=70"].map { ("Cache-Control", $0) }
        #expect(test.put("/keys/a", headers: fields).status == 201)
        #expect(left("a") == 60_000_000_000)
        let odd = ["no-cache", "max-age"].map { ("Cache-Control", $0) }
        try expect(test.put("/keys/b", headers: odd), is: ExpectedProblem(400, "invalid_ttl"))
    }

    @Test func theQueryGoesBeforeTheHeader() throws {
        let header = [("Cache-Control", "max-age=60")]
        #expect(test.put("/keys/a?ttl=5", headers: header).status == 201)
        #expect(left("a") == 5_000_000_000)
        #expect(test.put("/keys/a?ttl=5", headers: [("Cache-Control", "max-age=x")]).status == 204)
        try expect(test.put("/keys/a?ttl=x", headers: header), is: ExpectedProblem(400, "invalid_ttl"))
        #expect(test.put("/keys/a?TTL=5&tt=6", headers: header).status == 204)
        #expect(left("a") == 60_000_000_000)
    }

    @Test func theDefaultHoldsForAllThatDoNotSay() throws {
        let test = try TestService(defaultTTL: .seconds(90))
        test.put("/keys/put")
        test.put("/keys/said?ttl=5")
        #expect(test.post("/mput", "{\"items\":{\"object\":1}}").status == 200)
        #expect(
            test.post(
                "/mput", "{\"items\":[{\"key\":\"array\",\"value\":1},{\"key\":\"null\",\"value\":1,\"ttl\":null}]}"
            ).status == 200)
        #expect(test.post("/mput", "{\"items\":{\"bodynull\":1},\"ttl\":null}").status == 200)
        #expect(test.post("/warm", "{\"key\":\"warm\",\"value\":1}").status == 200)
        for key in ["put", "object", "array", "null", "bodynull", "warm"] {
            #expect(test.get("/keys/\(key)")["Cache-Control"] == "max-age=90", "\(key)")
        }
        #expect(test.get("/keys/said")["Cache-Control"] == "max-age=5")
    }

    @Test func nothingIsStoredWithABadOne() {
        test.put("/keys/a", "1")
        #expect(test.put("/keys/a?ttl=0", "2").status == 400)
        #expect(test.get("/keys/a").text == "1")
        #expect(test.get("/keys/a")["Cache-Control"] == nil)
    }

    @Test func aMistakeIsSeenBeforeTheBodyIs() throws {
        let large = String(repeating: "x", count: 1 << 20)
        try expect(test.put("/keys/a?ttl=0", large), is: ExpectedProblem(400, "invalid_ttl"))
        try expect(test.put("/keys/a?ttl=0", "not JSON"), is: ExpectedProblem(400, "invalid_ttl"))
    }

    /// The numbers of a JSON body.
    @Test(
        arguments: [
            ("1", 1_000_000_000), ("0.5", 500_000_000), ("1e3", 1_000_000_000_000), ("1E-3", 1_000_000), ("1e-300", 1),
            ("315360000", 315_360_000_000_000_000), ("3.1536e8", 315_360_000_000_000_000), ("315360001", nil),
            ("0", nil), ("-0", nil),
            ("-1", nil), ("1e9", nil), ("1e400", nil), ("-1e400", nil), ("99999999999999999999", nil), ("\"5\"", nil),
            ("true", nil),
            ("[]", nil), ("{}", nil),
        ] as [(String, Int64?)])
    func ofABody(number: String, nanoseconds: Int64?) throws {
        let problem = ExpectedProblem(400, "invalid_ttl", "ttl is \(number); \(Self.rule)")
        let whole = test.post("/mput", "{\"items\":{\"a\":1},\"ttl\":\(number)}")
        let item = test.post("/mput", "{\"items\":[{\"key\":\"b\",\"value\":1,\"ttl\":\(number)}]}")
        let line = test.post("/warm", "{\"key\":\"c\",\"value\":1,\"ttl\":\(number)}")
        if let nanoseconds {
            #expect([whole.status, item.status, line.status] == [200, 200, 200])
            for key in ["a", "b", "c"] { #expect(left(key) == nanoseconds) }
        } else {
            try expect(whole, is: problem)
            try expect(item, is: ExpectedProblem(400, "invalid_ttl", "nothing was done: item 0: \(problem.detail!)"))
            #expect(line.text.contains("\"failed\":1"))
            #expect(line.text.contains("invalid_ttl"))
            #expect(test.cache.getStats().puts == 0)
        }
    }
}
