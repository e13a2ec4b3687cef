internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// What a service with tokens lets whom do.
struct AccessTests {
    private let access: AccessControl
    private let test: TestService

    init() throws {
        access = AccessControl(try Self.tokens)
        test = try TestService(access: access)
        for key in ["user:1", "user:2", "other"] { try test.cache.putJSON(key, "1".utf8, tags: ["t"]) }
    }

    private static var tokens: AccessTokens {
        get throws {
            try tokens([("r", "read"), ("w", "write"), ("a", "admin"), ("ur", "read user:"), ("uw", "write user:")])
        }
    }

    /// Tokens and what stands behind them in the file.
    private static func tokens(_ lines: [(String, String)]) throws -> AccessTokens {
        let text = lines.map { token, rest in
            let digest = Array(token.utf8).withUnsafeBytes { AccessTokens.sha256($0) }
            return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + " " + rest
        }
        return try AccessTokens(Array(text.joined(separator: "\n").utf8))
    }

    private func ask(_ method: MicroHTTP.Method, _ target: String, _ token: String?, _ body: String = "") -> Reply {
        test.ask(method, target, headers: token.map { [("Authorization", "Bearer \($0)")] } ?? [], body: body)
    }

    /// What each scope lets pass: the one place where it is written out.
    @Test(arguments: Route.allCases.filter { $0 != .unmatched }) func everyRouteNeedsItsScope(route: Route) throws {
        let path = "\(route.pattern)".replacing("{key}", with: "k").replacing("{tag}", with: "t")
        for method in route.allowed {
            let needed: AccessScope?
            switch (route, method) {
            case (.livez, _), (.readyz, _), (.healthz, _), (_, .options): needed = nil
            case (.stats, .delete), (.keys, .delete), (.snapshot, _): needed = .admin
            case (.mget, _), (_, .get), (_, .head): needed = .read
            default: needed = .write
            }
            for (token, scope) in [("r", AccessScope.read), ("w", .write), ("a", .admin)] {
                let status = ask(method, path, token, "[]").status
                #expect(
                    (status == 403) == (needed.map { scope < $0 } ?? false),
                    "\(method) \(path) with \(scope): \(status)")
                #expect(status != 401)
            }
            for token in [nil, "unknown"] {
                #expect((ask(method, path, token, "[]").status == 401) == (needed != nil), "\(method) \(path)")
            }
        }
    }

    @Test func aChallengeSaysWhatIsWanted() throws {
        let none = ask(.get, "/keys/user:1", nil)
        try expect(
            none,
            is: ExpectedProblem(
                401, "unauthorized", "the request has no token; it must have the header Authorization: Bearer TOKEN"))
        #expect(none["WWW-Authenticate"] == "Bearer realm=\"production-cache\"")
        let unknown = ask(.get, "/keys/user:1", "x")
        try expect(unknown, is: ExpectedProblem(401, "unauthorized", "the token is not known"))
        #expect(unknown["WWW-Authenticate"] == "Bearer realm=\"production-cache\", error=\"invalid_token\"")
        for field in ["Basic cjpy", "r", "Bearer", "Bearerr"] {
            #expect(test.ask(.get, "/keys/user:1", headers: [("authorization", field)]).status == 401)
        }
        #expect(test.ask(.get, "/keys/user:1", headers: [("authorization", "bEARER   r ")]).status == 200)
        try expect(
            ask(.put, "/keys/a", "r", "1"),
            is: ExpectedProblem(403, "forbidden", "the token has the scope read; PUT /keys/{key} needs write"))
        try expect(
            ask(.delete, "/keys", "w"),
            is: ExpectedProblem(
                403, "forbidden",
                "the token has the scope write; to remove all keys needs admin, to remove some of them a prefix"))
        #expect(test.reads == (hits: 1, misses: 0))
    }

    @Test func aBodyIsRefusedBeforeItIsRead() throws {
        let large = String(repeating: " ", count: 100_000) + "1"
        for (target, method) in [("/keys/a", MicroHTTP.Method.put), ("/mput", .post), ("/warm", .post)] {
            let refused = ask(method, target, nil, large)
            try expect(refused, is: ExpectedProblem(401, "unauthorized"))
            #expect(ask(method, target, "r", large).status == 403)
        }
        #expect(test.cache.getStats().currentSize == 3)
    }

    /// To a confined token the cache is as if it had no other keys.
    @Test func aPrefixConfines() throws {
        let foreign = ExpectedProblem(
            403, "forbidden", "the key other is not for this token; its keys begin with user:")
        #expect(ask(.get, "/keys/user:1", "ur").status == 200)
        try expect(ask(.get, "/keys/other", "ur"), is: foreign)
        for method in [MicroHTTP.Method.put, .patch, .delete] {
            try expect(ask(method, "/keys/other", "uw", "1"), is: foreign)
        }
        let faults = try expect(
            ask(.post, "/mget", "ur", "[\"user:1\",\"other\"]"), is: ExpectedProblem(403, "forbidden"))
        #expect(faults.map { $0["key"] } == ["other"])
        for (target, body) in [
            ("/mdelete", "[\"user:1\",\"other\"]"), ("/mput", "{\"items\":{\"user:3\":1,\"other\":1}}"),
            ("/mput", "{\"items\":[{\"key\":\"other\",\"value\":1}]}"), ("/touch", "{\"keys\":[\"other\"],\"ttl\":1}"),
            ("/incr", "{\"key\":\"other\"}"),
        ] {
            try expect(ask(.post, target, "uw", body), is: ExpectedProblem(403, "forbidden"))
        }
        let lines = "{\"key\":\"user:9\",\"value\":1}\n{\"key\":\"other\",\"value\":2}\n"
        let warmed = ask(.post, "/warm", "uw", lines)
        #expect(warmed.text.contains("\"loaded\":1,\"failed\":1") && warmed.text.contains("\"code\":\"forbidden\""))
        #expect(test.cache.getJSON("other") == Array("1".utf8))
    }

    @Test func aPrefixNarrowsWhatIsAboutManyKeys() throws {
        func keys(_ target: String, _ token: String) throws -> [String] {
            let keys = try ask(.get, target, token).object["keys"] as? [[String: Any]] ?? []
            return keys.compactMap { $0["key"] as? String }.sorted()
        }
        for query in ["", "?prefix=", "?prefix=us", "?prefix=user:"] {
            #expect(try keys("/keys\(query)", "ur") == ["user:1", "user:2"])
        }
        #expect(try keys("/keys?prefix=user:2", "ur") == ["user:2"])
        #expect(try keys("/keys", "r").count == 3)
        let foreign = ExpectedProblem(
            403, "forbidden", "the keys that begin with o are not for this token; its keys begin with user:")
        try expect(ask(.get, "/keys?prefix=o", "ur"), is: foreign)
        try expect(ask(.get, "/export?prefix=o", "ur"), is: foreign)
        try expect(ask(.delete, "/keys?prefix=o", "uw"), is: foreign)
        #expect(!ask(.get, "/export", "ur").text.contains("other"))
        #expect(ask(.delete, "/tags/t", "uw").text == "{\"deleted\":2}\n")
        test.cache.deleteAll(tag: "none")
        try test.cache.putJSON("user:3", "1".utf8)
        #expect(ask(.delete, "/keys", "uw").text == "{\"deleted\":1}\n")
        #expect(try keys("/keys", "r") == ["other"])
    }

    @Test func figuresCanBePublic() throws {
        let open = try TestService(access: AccessControl(try Self.tokens, hasPublicMetrics: true))
        for target in ["/stats", "/metrics"] {
            #expect(open.get(target).status == 200)
            #expect(test.get(target).status == 401)
        }
        #expect(open.ask(.delete, "/stats").status == 401)
        #expect(open.get("/keys/a").status == 401)
    }

    @Test func tokensCanBeExchanged() throws {
        access.replace(try Self.tokens([("new", "read")]))
        #expect(ask(.get, "/keys/user:1", "r").status == 401)
        #expect(ask(.get, "/keys/user:1", "new").status == 200)
    }

    /// Draining shows to those who are confined as well.
    @Test func aConfinedTokenSeesTheServiceAsItIs() {
        test.service.beginDraining()
        #expect(ask(.get, "/keys/user:1", "ur").closesConnection)
        #expect(ask(.get, "/stats", "ur").text.contains("\"requests\":1"))
    }
}
