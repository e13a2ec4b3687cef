internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `Cache-Groups`, `tags` of items, `DELETE /tags/{tag}`.
struct TagRoutesTests {
    private let test: TestService

    init() throws { test = try TestService() }

    private func clear(_ tag: String) -> String { test.ask(.delete, "/tags/\(tag)").text }

    @Test func entriesGoByTheirTags() throws {
        test.put("/keys/a", headers: [("Cache-Groups", "\"news\", \"author:3\"")])
        test.put("/keys/b", headers: [("Cache-Groups", "\"news\""), ("Cache-Groups", "\"x y\"")])
        #expect(test.post("/mput", "{\"items\":[{\"key\":\"c\",\"value\":1,\"tags\":[\"né/ws\"]}]}").status == 200)
        #expect(clear("author:3") == "{\"deleted\":1}\n")
        #expect(clear("x%20y") == "{\"deleted\":1}\n")
        #expect(clear("news") == "{\"deleted\":0}\n")
        #expect(clear("n%C3%A9/ws") == "{\"deleted\":1}\n")
        #expect(test.cache.getStats().deletes == 3)
    }

    @Test func aPutWithoutTagsHasNone() {
        test.put("/keys/a", headers: [("Cache-Groups", "\"news\"")])
        test.put("/keys/a")
        #expect(clear("news") == "{\"deleted\":0}\n")
        test.put("/keys/a", headers: [("Cache-Groups", "")])
        #expect(test.get("/keys/a").status == 200)
    }

    /// Strings of RFC 9651, section 3.3.3, with parameters or without.
    @Test(arguments: [
        ("\"a\"", "a"), (" \"a\" ", "a"), ("\"a\";x", "a"), ("\"a\"; x=1;y=\"\\\"\";z=tok/en", "a"),
        ("\"a\\\"b\\\\\"", "a%22b%5C"),
        ("\"b\"\t,\t\"a\"", "a"), ("\"~!\"", "~!"), ("\"a,b;c\"", "a,b;c"),
    ])
    func aListOfStringsIsRead(field: String, tag: String) {
        #expect(test.put("/keys/a", headers: [("Cache-Groups", field)]).status == 201)
        #expect(clear(tag) == "{\"deleted\":1}\n")
    }

    @Test(arguments: [
        "a", "\"a", "\"a\" \"b\"", "\"a\",", ",\"a\"", "\"a\\b\"", "\"é\"", "(\"a\")", "\"a\";", "\"a\";X", "\"a\";x=",
        "\"\"",
        "\"a\\\"", "\"a\u{7F}\"", "1", "?1", "\"a\";x=\"", "\"\(String(repeating: "x", count: 257))\"",
        (0...64).map { "\"\($0)\"" }.joined(separator: ","),
    ])
    func anotherListIsRefused(field: String) throws {
        try expect(test.put("/keys/a", headers: [("Cache-Groups", field)]), is: ExpectedProblem(400, "invalid_tag"))
        #expect(test.get("/keys/a").status == 404)
    }

    @Test(arguments: ["\"a\"", "[1]", "[\"\"]", "{}", "[\"\\ud800\"]", "[\"a\",null]"])
    func tagsOfItemsAreStrings(tags: String) throws {
        let item = "{\"key\":\"a\",\"value\":1,\"tags\":\(tags)}"
        let faults = try expect(test.post("/mput", "{\"items\":[\(item)]}"), is: ExpectedProblem(400, "invalid_tag"))
        #expect(faults.map { $0["key"] } == ["a"])
        let warmed = test.ask(.post, "/warm", body: item)
        #expect(warmed.text.contains("\"failed\":1") && warmed.text.contains("invalid_tag"))
        #expect(test.post("/mput", "{\"items\":[{\"key\":\"a\",\"value\":1,\"tags\":null}]}").status == 200)
        #expect(test.post("/mput", "{\"items\":[{\"key\":\"a\",\"value\":1,\"tags\":[]}]}").status == 200)
    }

    @Test(arguments: ["", "%", "%FF", String(repeating: "x", count: 257)])
    func aTagThatCannotBeIsRefused(tag: String) throws {
        try expect(test.ask(.delete, "/tags/\(tag)"), is: ExpectedProblem(400, "invalid_tag"))
    }

    @Test func anExportIsReadAgain() {
        test.put("/keys/a?ttl=60", "1", headers: [("Cache-Groups", "\"x\"")])
        let lines = test.get("/export").text
        #expect(lines.hasSuffix(",\"tags\":[\"x\"]}\n"))
        _ = test.ask(.delete, "/keys")
        #expect(test.ask(.post, "/warm", body: lines).text.contains("\"loaded\":1"))
        #expect(clear("x") == "{\"deleted\":1}\n")
    }
}
