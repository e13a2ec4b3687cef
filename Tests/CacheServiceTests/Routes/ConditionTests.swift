internal import CacheCore
internal import MicroHTTP
internal import TestSupport
internal import Testing

@testable internal import CacheService

/// `If-Match` and `If-None-Match` (RFC 9110, section 13).
struct ConditionTests {
    private let test: TestService
    private let tag: String

    init() throws {
        test = try TestService()
        tag = try #require(test.put("/keys/a?ttl=60", "{\"x\": 1}")["ETag"])
    }

    private func get(_ headers: (String, String)..., key: String = "a") -> Reply {
        test.ask(.get, "/keys/\(key)", headers: headers)
    }

    @Test func aClientThatHasTheValueIsToldSo() throws {
        for list in [tag, "W/\(tag)", "\"x\", \(tag)", "*", ",, \(tag) ,", "\"a,b\",\(tag)"] {
            let reply = get(("If-None-Match", list))
            #expect(reply.status == 304, "\(list)")
            #expect(reply.headerNames == ["ETag", "Cache-Control", "Age", "Cache-Status"])
            #expect(reply["ETag"] == tag)
        }
        #expect(test.ask(.head, "/keys/a", headers: [("if-none-match", tag)]).status == 304)
        #expect(test.reads.hits == 7, "each is a hit")
        for list in ["\"x\"", "", "\"\"", tag.lowercased() + ",\"AAAAAAAAAAA\"", "W/\"*\""] where list != tag {
            #expect(get(("If-None-Match", list)).status == 200, "\(list)")
        }
        // What would be 404 without a condition is that.
        try expect(get(("If-None-Match", "*"), key: "no"), is: ExpectedProblem(404, "key_not_found"))
        try expect(get(("If-Match", "*"), key: "no"), is: ExpectedProblem(404, "key_not_found"))
    }

    @Test func ifMatchComesFirstAndComparesStrongly() throws {
        #expect(get(("If-Match", tag)).status == 200)
        #expect(get(("If-Match", "*")).status == 200)
        #expect(get(("If-Match", tag), ("If-None-Match", tag)).status == 304)
        for list in ["W/\(tag)", "\"x\""] {
            try expect(get(("If-Match", list)), is: ExpectedProblem(412, "precondition_failed"))
        }
        try expect(get(("If-Match", "\"x\""), ("If-None-Match", tag)), is: ExpectedProblem(412, "precondition_failed"))
        // Two fields are one list.
        #expect(get(("If-Match", "\"x\""), ("If-Match", tag)).status == 200)
    }

    @Test func aPutCreatesOrReplacesOnlyWhatItIsToldTo() throws {
        let failed = ExpectedProblem(
            412, "precondition_failed", "the entry is not as If-Match or If-None-Match asks; nothing was done")
        try expect(test.put("/keys/a", "2", headers: [("If-None-Match", "*")]), is: failed)
        try expect(test.put("/keys/a", "2", headers: [("If-Match", "\"x\"")]), is: failed)
        try expect(test.put("/keys/a", "2", headers: [("If-None-Match", tag)]), is: failed)
        try expect(test.put("/keys/new", "2", headers: [("If-Match", "*")]), is: failed)
        #expect(test.get("/keys/a").text == "{\"x\":1}")
        #expect(test.put("/keys/new", "2", headers: [("If-None-Match", "*")]).status == 201)
        #expect(test.put("/keys/a", "3", headers: [("If-Match", tag)]).status == 204)
        try expect(test.put("/keys/a", "4", headers: [("If-Match", tag)]), is: failed)
        #expect(test.cache.getStats().puts == 3)
    }

    @Test func aDeleteAndAPatchToo() throws {
        let failed = ExpectedProblem(412, "precondition_failed")
        try expect(test.ask(.delete, "/keys/a", headers: [("If-Match", "\"x\"")]), is: failed)
        try expect(test.ask(.delete, "/keys/a", headers: [("If-None-Match", "*")]), is: failed)
        try expect(test.ask(.patch, "/keys/a", headers: [("If-Match", "\"x\"")], body: "{}"), is: failed)
        try expect(
            test.ask(.delete, "/keys/no", headers: [("If-Match", "*")]), is: ExpectedProblem(404, "key_not_found"))
        try expect(
            test.ask(.patch, "/keys/no", headers: [("If-Match", "*")], body: "{}"),
            is: ExpectedProblem(404, "key_not_found"))
        let patched = test.ask(.patch, "/keys/a", headers: [("If-Match", tag)], body: "{\"y\":2}")
        #expect(patched.status == 200 && patched["ETag"] != tag)
        try expect(test.ask(.delete, "/keys/a", headers: [("If-Match", tag)]), is: failed)
        #expect(test.ask(.delete, "/keys/a", headers: [("If-Match", patched["ETag"]!)]).status == 204)
    }

    @Test(arguments: ["x", "\"x", "x\"", "\"x\" \"y\"", "\"x\";q=1", "W/x", "w/\"x\"", "*, \"x\"", "**", "\"a b\""])
    func aMalformedConditionIsRefused(list: String) throws {
        for name in ["If-Match", "If-None-Match"] {
            let refused = ExpectedProblem(
                400, "invalid_header",
                "\(name) is malformed; it must be * or entity tags in quotes, with commas between them")
            try expect(get((name, list)), is: refused)
            try expect(test.put("/keys/a", "2", headers: [(name, list)]), is: refused)
            try expect(test.ask(.patch, "/keys/a", headers: [(name, list)], body: "2"), is: refused)
            try expect(test.ask(.delete, "/keys/a", headers: [(name, list)]), is: refused)
            // Before its body is read.
            let large = String(repeating: " ", count: 100_000) + "2"
            try expect(test.put("/keys/a", large, headers: [(name, list)]), is: refused)
        }
        #expect(test.get("/keys/a").text == "{\"x\":1}")
    }

    @Test func aTagIsItsDigest() throws {
        var random = TestSeed.generator()
        let edges: [UInt64] = [0, 1, .max, .max - 1, 1 << 63]
        for digest in edges + (0..<1000).map({ _ in random.next() }) {
            let text = HeaderFields(capacity: 32) { text in
                text.append("ETag: ")
                text.append(entityTag: digest)
                text.append("\r\n")
            }
            let tag = try #require(text["ETag"])
            #expect(tag.utf8.count == 13)
            #expect(read(String(tag.dropFirst().dropLast())) == digest)
        }
        // The last character has four bits; other forms of the same number are none of ours.
        for text in ["AAAAAAAAAAB", "AAAAAAAAAA", "AAAAAAAAAAAA", "AAAAA AAAAA", "AAAAA+AAAAA", "AAAAA/AAAAA", ""] {
            #expect(read(text) == nil)
        }
    }

    private func read(_ text: String) -> UInt64? { Array(text.utf8).withUnsafeBytes { EntityTag.read($0)?.digest } }
}
