internal import MicroHTTP
internal import Testing

@testable internal import CacheService

struct RouteTests {
    private func match(_ path: String) -> (route: Route, key: String) {
        Array(path.utf8).withUnsafeBytes { path in
            let (route, key) = Route.match(path)
            return (route, String(decoding: key, as: UTF8.self))
        }
    }

    @Test(arguments: Route.allCases.filter { ![.key, .tag, .unmatched].contains($0) })
    func aPathIsItsRoute(route: Route) {
        #expect(match("\(route.pattern)") == (route, ""))
        if route != .keys { #expect(match("\(route.pattern)/") == (.unmatched, "")) }
        #expect(match("\(route.pattern)x").route == .unmatched)
        #expect(match("\(route.pattern)".uppercased()).route == (route == .index ? .index : .unmatched))
    }

    @Test(arguments: [
        ("/keys/a", "a"), ("/keys/", ""), ("/keys/a/b", "a/b"), ("/keys//", "/"), ("/keys/a%2Fb", "a%2Fb"),
        ("/keys/keys/", "keys/"),
        ("/keys/../stats", "../stats"), ("/keys/ ", " "), ("/keys/a?", "a?"),
    ])
    func allBehindKeysIsTheKey(path: String, key: String) {
        #expect(match(path) == (.key, key))
    }

    @Test func allBehindTagsIsTheTag() {
        #expect(match("/tags/a/b%20") == (.tag, "a/b%20"))
        #expect(match("/tags/") == (.tag, ""))
        #expect(match("/tags").route == .unmatched)
    }

    @Test(arguments: [
        "", "keys/a", "/Keys/a", "//keys/a", "/%6Beys/a", "*", "/keysx", "/stats?x", "/unmatched", "unmatched",
    ])
    func anythingElseHasNoRoute(path: String) {
        #expect(match(path).route == .unmatched)
    }

    @Test(arguments: [
        ("http://host/keys/a/b", Route.key, "a/b"), ("https://host:80/stats", .stats, ""),
        ("HTTP://HOST/keys", .keys, ""),
        ("http://host/", .index, ""), ("http://host", .index, ""),
        ("http://user@[::1]:80/keys/http://x/y", .key, "http://x/y"),
        ("http:///stats", .stats, ""), ("ftp://host/stats", .unmatched, ""), ("http:/stats", .unmatched, ""),
        ("host/stats", .unmatched, ""),
    ])
    func theAbsoluteFormMeansItsPath(target: String, route: Route, key: String) {
        #expect(match(target) == (route, key))
    }

    @Test func labelsAreDistinct() {
        #expect(Set(Route.allCases.map { "\($0.pattern)" }).count == Route.allCases.count)
    }

    @Test func everyRouteAnswersHeadWhereItAnswersGet() {
        for route in Route.allCases {
            #expect(route.methods.contains(.get) == route.methods.contains(.head))
            #expect(route.allowed == route.methods + [.options])
            #expect(!route.methods.contains(.other))
        }
    }
}
