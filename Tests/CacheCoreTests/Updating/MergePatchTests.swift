import Testing

@testable import CacheCore

struct MergePatchTests {
    private func merge(_ target: String, _ patch: String) throws -> String {
        let cache = try ProductionCache(capacity: 10)
        try cache.putJSON("k", target.utf8)
        #expect(try cache.mergeJSON("k", patch.utf8))
        return String(decoding: try #require(cache.getJSON("k")), as: UTF8.self)
    }

    /// The cases of RFC 7396, appendix A.
    @Test(arguments: [
        (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
        (#"{"a":"b"}"#, #"{"a":null}"#, #"{}"#), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
        (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
        (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
        (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
        (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"),
        (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
        (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#), ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
        ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    ])
    func isAsTheStandardShows(target: String, patch: String, result: String) throws {
        #expect(try merge(target, patch) == result)
    }

    @Test(arguments: [
        // Bytes stay, white space goes, members keep their order.
        (#"{ "z" : 1.0 , "a" : 1e400 }"#, #"{ "m" : [ 1 , "\u0061" ] }"#, #"{"z":1.0,"a":1e400,"m":[1,"\u0061"]}"#),
        // Names that are written in different ways are the same.
        (#"{"a":1,"b":2}"#, #"{"\u0061":3}"#, #"{"a":3,"b":2}"#), (#"{"\u0061":1}"#, #"{"a":null}"#, "{}"),
        // Of members with the same name the last counts.
        (#"{"a":1,"b":2,"a":3}"#, #"{"c":4}"#, #"{"b":2,"a":3,"c":4}"#),
        (#"{"a":1,"a":{"x":1}}"#, #"{"a":{"y":2}}"#, #"{"a":{"x":1,"y":2}}"#),
        (#"{"a":1}"#, #"{"a":2,"a":null,"b":1,"b":2}"#, #"{"b":2}"#),
        // Half of a surrogate pair is a name like any other.
        (#"{"\ud800":1}"#, #"{"\ud800":2,"\udc00":3}"#, #"{"\ud800":2,"\udc00":3}"#),
        ("1", "{}", "{}"), ("{}", "{}", "{}"), (#"{"a":{}}"#, #"{"a":{"b":null}}"#, #"{"a":{}}"#),
    ])
    func keepsWhatItDoesNotChange(target: String, patch: String, result: String) throws {
        #expect(try merge(target, patch) == result)
    }

    /// As deep as the parser lets anything be.
    @Test func isAsDeepAsAText() throws {
        let depth = JSONDocument.maxDepth
        func nested(_ inner: String) -> String {
            String(repeating: #"{"a":"#, count: depth - 1) + inner + String(repeating: "}", count: depth - 1)
        }
        #expect(try merge(nested(#"{"x":1}"#), nested(#"{"y":2}"#)) == nested(#"{"x":1,"y":2}"#))
        #expect(try merge("1", nested(#"{"y":null}"#)) == nested("{}"))
    }
}
