import Testing

@testable import ReadThrough

@Suite("Routes to origins")
struct OriginRouteTests {
    private func url(_ routes: [OriginRoute], _ key: String) -> String? {
        let table = OriginTable(routes)
        return Array(key.utf8).withUnsafeBytes { key in
            table.place(for: key).flatMap { table[$0].url(key: key) }
        }
    }

    private func route(_ prefix: String, _ template: String, strips: Bool = false) throws -> OriginRoute {
        var route = OriginRoute(prefix: Array(prefix.utf8), template: try OriginTemplate(template))
        route.stripsPrefix = strips
        return route
    }

    @Test("The longest prefix wins, in any order")
    func longest() throws {
        let routes = [
            try route("", "http://all/{key}"), try route("items:", "http://items/{key}"),
            try route("items:new:", "http://new/{key}", strips: true),
        ]
        for routes in [routes, routes.reversed()] {
            #expect(url(routes, "users:1") == "http://all/users%3A1")
            #expect(url(routes, "items:1") == "http://items/items%3A1")
            #expect(url(routes, "items:new:1") == "http://new/1")
            #expect(url(routes, "item") == "http://all/item")
        }
    }

    @Test("Without a prefix that fits there is none")
    func none() throws {
        let routes = [try route("items:", "http://items/{key}", strips: true)]
        #expect(url(routes, "users:1") == nil)
        #expect(url(routes, "items:") == nil, "nothing is left of the key")
        #expect(url(routes, "items:..") == nil)
    }
}
