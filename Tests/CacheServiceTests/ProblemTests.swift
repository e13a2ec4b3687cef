internal import CacheCore
internal import Testing

@testable internal import CacheService

struct ProblemTests {
    @Test func theTableOfCodesIsThis() {
        let table: [(String, Int, String)] = [
            ("invalid_key", 400, "Bad Request"), ("invalid_json", 400, "Bad Request"),
            ("invalid_ttl", 400, "Bad Request"),
            ("invalid_tag", 400, "Bad Request"), ("invalid_header", 400, "Bad Request"),
            ("invalid_body", 400, "Bad Request"), ("invalid_query", 400, "Bad Request"),
            ("malformed_request", 400, "Bad Request"), ("unauthorized", 401, "Unauthorized"),
            ("forbidden", 403, "Forbidden"),
            ("key_not_found", 404, "Not Found"),
            ("route_not_found", 404, "Not Found"), ("snapshots_off", 404, "Not Found"),
            ("source_not_found", 404, "Not Found"),
            ("method_not_allowed", 405, "Method Not Allowed"),
            ("not_a_number", 409, "Conflict"), ("overflow", 409, "Conflict"), ("lease_lost", 409, "Conflict"),
            ("source_busy", 409, "Conflict"),
            ("precondition_failed", 412, "Precondition Failed"),
            ("value_too_large", 413, "Content Too Large"), ("body_too_large", 413, "Content Too Large"),
            ("too_many_items", 413, "Content Too Large"), ("key_too_long", 414, "URI Too Long"),
            ("unsupported_media_type", 415, "Unsupported Media Type"),
            ("rate_limited", 429, "Too Many Requests"),
            ("headers_too_large", 431, "Request Header Fields Too Large"), ("overloaded", 503, "Service Unavailable"),
            ("loading", 503, "Service Unavailable"),
            ("draining", 503, "Service Unavailable"), ("insufficient_storage", 507, "Insufficient Storage"),
            ("snapshot_failed", 500, "Internal Server Error"), ("origin_failed", 502, "Bad Gateway"),
            ("origin_unavailable", 503, "Service Unavailable"), ("origin_timeout", 504, "Gateway Timeout"),
            ("internal_error", 500, "Internal Server Error"),
            ("source_failed", 502, "Bad Gateway"),
        ]
        #expect(ProblemCode.allCases.map(\.rawValue) == table.map(\.0))
        #expect(ProblemCode.allCases.map(\.status) == table.map(\.1))
        #expect(ProblemCode.allCases.map { ReasonPhrase.of($0.status) } == table.map(\.2))
        #expect(ReasonPhrase.of(799) == "Status 799")
    }

    @Test func everyCodeOfTheLibraryHasItsOwn() {
        let same: [CacheError.Code] = [
            .invalidKey, .keyTooLong, .valueTooLarge, .invalidJSON, .invalidTTL, .insufficientStorage, .invalidBody,
            .invalidTag, .notANumber, .overflow, .snapshotFailed,
        ]
        for code in same { #expect(ProblemCode(code).rawValue == code.rawValue) }
        #expect(ProblemCode(CacheError.Code.invalidCursor) == .invalidQuery)
        #expect(ProblemCode(CacheError.Code.invalidConfiguration) == .internalError)
        #expect(ProblemCode(CacheError.Code(rawValue: "of tomorrow")) == .internalError)
    }

    @Test func isWrittenLikeThis() {
        let reply = Reply(Problem(.invalidTTL, "a \"quoted\"\n\\ é \u{0} text").response)
        #expect(reply.status == 400)
        #expect(reply.headerNames == ["Content-Type"])
        #expect(
            reply.text == """
                {"type":"about:blank","title":"Bad Request","status":400,\
                "detail":"a \\"quoted\\"\\n\\\\ é \\u0000 text","code":"invalid_ttl"}

                """)
    }

    @Test func listsItsItems() {
        var problem = Problem(.invalidKey, "d")
        problem.items = [
            Problem.ItemError(key: Array("a\"b".utf8), code: .invalidTTL, detail: "item 0"),
            Problem.ItemError(key: [], code: .keyTooLong, detail: "item 1"),
        ]
        #expect(
            Reply(problem.response).text == """
                {"type":"about:blank","title":"Bad Request","status":400,"detail":"d","code":"invalid_key","errors":[\
                {"key":"a\\"b","code":"invalid_ttl","detail":"item 0"},{"key":"","code":"key_too_long","detail":"item 1"}]}

                """)
    }

    @Test(arguments: ProblemCode.allCases)
    func saysWhenToComeBackWhereThatHelps(code: ProblemCode) {
        let reply = Reply(Problem(code, "d").response)
        #expect(reply["Retry-After"] == ([429, 503].contains(code.status) ? "1" : nil))
        #expect(reply["Allow"] == nil)
    }
}
