internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// What every route does with every method.
struct RoutingTests {
    private let test: TestService

    init() throws { test = try TestService() }

    private static let routes = Route.allCases.filter { $0 != .unmatched }
    private static let allow: [Route: String] = [
        .key: "GET, HEAD, PUT, PATCH, DELETE, OPTIONS", .keys: "GET, HEAD, DELETE, OPTIONS",
        .mget: "POST, QUERY, OPTIONS",
        .mput: "POST, OPTIONS", .mdelete: "POST, OPTIONS", .touch: "POST, OPTIONS",
        .incr: "POST, OPTIONS", .tag: "DELETE, OPTIONS", .warm: "POST, OPTIONS", .export: "GET, HEAD, OPTIONS",
        .snapshot: "POST, OPTIONS",
        .stats: "GET, HEAD, DELETE, OPTIONS", .metrics: "GET, HEAD, OPTIONS", .livez: "GET, HEAD, OPTIONS",
        .readyz: "GET, HEAD, OPTIONS", .healthz: "GET, HEAD, OPTIONS", .contract: "GET, HEAD, OPTIONS",
        .index: "GET, HEAD, OPTIONS",
    ]

    private func path(_ route: Route) -> String { route == .key ? "/keys/a" : "\(route.pattern)" }

    @Test(arguments: routes)
    func optionsTellsTheMethods(route: Route) throws {
        let reply = test.ask(.options, path(route))
        #expect(reply.status == 204)
        #expect(reply.body.isEmpty)
        #expect(reply["Allow"] == Self.allow[route])
        // Whatever is sent along.
        #expect(test.ask(.options, path(route), body: "x").status == 204)
        #expect(test.ask(.options, path(route) + "?ttl=x&limit=y").status == 204)
    }

    @Test func optionsLooksAtThePathAlone() {
        for key in ["", "%", "%FF", String(repeating: "k", count: 600)] {
            #expect(test.ask(.options, "/keys/\(key)").status == 204)
        }
    }

    @Test func optionsOfAllTheServer() throws {
        for body in ["", "x", String(repeating: "x", count: 100_000)] {
            let reply = test.ask(.options, "*", body: body)
            guard body.count <= 64 << 10 else {
                try expect(reply, is: ExpectedProblem(413, "body_too_large"))
                continue
            }
            #expect(reply.status == 204)
            #expect(reply["Allow"] == "GET, HEAD, PUT, POST, DELETE, PATCH, OPTIONS, QUERY")
        }
        try expect(test.get("*"), is: ExpectedProblem(404, "route_not_found"))
    }

    @Test(arguments: routes)
    func anotherMethodIsNotAllowed(route: Route) throws {
        for method in MicroHTTP.Method.allCases where !route.allowed.contains(method) {
            for body in ["", "1", String(repeating: "x", count: 100_000)] {
                let reply = test.ask(method, path(route), body: body)
                #expect(reply["Allow"] == Self.allow[route])
                try expect(
                    reply,
                    is: ExpectedProblem(
                        405, "method_not_allowed",
                        "\(route.pattern) does not answer this method; it answers \(Self.allow[route]!)"))
            }
        }
        #expect(test.cache.getStats().puts == 0)
    }

    @Test(arguments: MicroHTTP.Method.allCases)
    func anotherPathIsNotFound(method: MicroHTTP.Method) throws {
        try expect(
            test.ask(method, "/nothing?x=y"),
            is: ExpectedProblem(404, "route_not_found", "there is no route /nothing; GET / lists those that there are"))
        for body in ["1", String(repeating: "x", count: 100_000)] {
            try expect(
                test.ask(method, "/nothing", body: body),
                is: ExpectedProblem(
                    404, "route_not_found", "there is no route /nothing; GET / lists those that there are"))
        }
    }

    @Test func aPathInAMessageIsShortened() throws {
        let reply = test.get("/\(String(repeating: "é", count: 1000))\"\r\n")
        try expect(reply, is: ExpectedProblem(404, "route_not_found"))
        #expect(reply.body.count < 400)
    }

    @Test(arguments: routes.filter { $0.methods.contains(.get) })
    func headSaysWhatGetSays(route: Route) {
        test.put("/keys/a?ttl=9", "[1]")
        for path in [path(route), path(route) + "?limit=0", path(route) + "?prefix=%"] {
            let get = test.ask(.get, path)
            let head = test.ask(.head, path)
            #expect(head.status == get.status)
            #expect("\(head.headers.all)" == "\(get.headers.all)")
        }
    }

    @Test func aBodyWhereNoneIsTakenIsPassedOver() throws {
        test.put("/keys/a", "7")
        let small = String(repeating: "x", count: 64 << 10)
        #expect(test.ask(.get, "/keys/a", body: small).text == "7")
        #expect(test.ask(.get, "/livez", headers: [("Content-Type", "text/plain")], body: small).status == 200)
        #expect(test.ask(.delete, "/stats", body: small).status == 204)
        for path in ["/keys/a", "/keys", "/livez", "/export"] {
            try expect(
                test.ask(.get, path, body: small + "x"),
                is: ExpectedProblem(413, "body_too_large", "the body has more than 65536 bytes, which is the most"))
        }
        try expect(test.ask(.delete, "/keys/a", body: small + "x"), is: ExpectedProblem(413, "body_too_large"))
        #expect(test.get("/keys/a").status == 200)
    }

    @Test func healthIsWell() {
        for path in ["/livez", "/readyz", "/healthz"] {
            let reply = test.get(path)
            #expect(reply.status == 200)
            #expect(reply["Content-Type"] == "application/json")
            #expect(reply.text == "{\"status\":\"ok\"}\n")
        }
    }

    @Test func theIndexListsExactlyTheRoutes() throws {
        let reply = test.get("/")
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/json")
        let index = try reply.object
        #expect(index["name"] as? String == "production-cache")
        #expect(index["version"] as? String == "1.2.3")
        let listed = try #require(index["routes"] as? [[String: Any]]).map { route in
            "\(route["path"] ?? "") \((route["methods"] as? [String] ?? []).joined(separator: ", "))"
        }
        #expect(listed == Self.routes.map { "\($0.pattern) \(Self.allow[$0]!)" })
        #expect(Set(index.keys) == ["name", "version", "routes"])
    }

    @Test func theVersionIsEscaped() throws {
        let service = CacheService(cache: test.cache, version: "1\"\\\n")
        let reply = Reply(LiteralRequest(.get, "/").answer(by: service))
        #expect(try reply.object["version"] as? String == "1\"\\\n")
        #expect(
            Reply(LiteralRequest(.get, "/metrics").answer(by: service)).text.hasSuffix("{version=\"1\\\"\\\\\\n\"} 1\n")
        )
    }
}
