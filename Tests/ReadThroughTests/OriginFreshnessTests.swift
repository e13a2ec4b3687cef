import Testing

@testable import ReadThrough

@Suite("Freshness of origins' answers")
struct OriginFreshnessTests {
    private static let second: Int64 = 1_000_000_000
    private static let wallClock = 784_111_777 * second  // Sun, 06 Nov 1994 08:49:37 GMT

    private func freshness(
        _ fields: [(String, String)], _ change: (inout OriginRoute) -> Void = { _ in }
    ) throws -> OriginFreshness? {
        var route = OriginRoute(template: try OriginTemplate("http://h/{key}"))
        route.timeToLive = .seconds(60)
        change(&route)
        let answer = OriginAnswer(status: 200, fields: fields.map { (name: $0.0, value: $0.1) })
        return OriginFreshness.of(answer, route, wallClock: Self.wallClock)
    }

    private func lifetime(_ fields: [(String, String)]) throws -> Int64? {
        try freshness(fields)?.lifetime.map { $0 / Self.second }
    }

    @Test("The answer's own lifetime goes before the route's: s-maxage, max-age, Expires")
    func order() throws {
        #expect(try lifetime([]) == 60)
        #expect(try lifetime([("cache-control", "max-age=10")]) == 10)
        #expect(try lifetime([("cache-control", "max-age=10, s-maxage=20")]) == 20)
        #expect(try lifetime([("cache-control", "public"), ("cache-control", "MAX-AGE=\"10\"")]) == 10)
        #expect(
            try lifetime([
                ("date", "Sun, 06 Nov 1994 08:00:00 GMT"), ("expires", "Sun, 06 Nov 1994 08:00:30 GMT"),
            ]) == 30)
        #expect(try lifetime([("expires", "Sun, 06 Nov 1994 08:50:07 GMT")]) == 30)
        #expect(
            try lifetime([("cache-control", "max-age=10"), ("expires", "Sun, 06 Nov 1994 09:50:07 GMT")]) == 10)
    }

    @Test("The age that the answer has already is part of its lifetime")
    func age() throws {
        #expect(try lifetime([("cache-control", "max-age=10"), ("age", "4")]) == 6)
        #expect(try freshness([("cache-control", "max-age=10"), ("age", "10")]) == nil)
        #expect(try lifetime([("cache-control", "max-age=10"), ("age", "old")]) == 10)
        // The route's is from now on.
        #expect(try lifetime([("age", "4")]) == 60)
    }

    @Test(
        "What must not be stored is not",
        arguments: [
            ("cache-control", "no-store"), ("cache-control", "max-age=10, private"),
            ("cache-control", "private=\"set-cookie\""), ("cache-control", "no-cache"), ("cache-control", "No-Store"),
            ("vary", "*"), ("vary", "accept , * "), ("cache-control", "max-age=0"), ("cache-control", "max-age=ten"),
            ("cache-control", "max-age=-1"), ("cache-control", "max-age=1, max-age=2"), ("expires", "0"),
            ("expires", "Sun, 06 Nov 1994 08:00:00 GMT"), ("cache-control", "max-age=1.5"),
        ])
    func unstorable(name: String, value: String) throws {
        #expect(try freshness([(name, value)]) == nil)
    }

    @Test("A lifetime beyond all bounds is the longest there is")
    func longest() throws {
        #expect(try lifetime([("cache-control", "max-age=99999999999999999999999")]) == 315_360_000)
        #expect(try lifetime([("vary", "Accept-Encoding, Origin")]) == 60)
    }

    @Test("How long it may be served stale is the answer's word, else the route's")
    func windows() throws {
        let withRoute: (inout OriginRoute) -> Void = {
            $0.staleWhileRevalidate = .seconds(3)
            $0.staleIfError = .seconds(5)
        }
        func windows(_ control: String) throws -> [Int64] {
            let freshness = try #require(try freshness([("cache-control", control)], withRoute))
            return [freshness.staleWhileRevalidate / Self.second, freshness.staleIfError / Self.second]
        }
        #expect(try windows("max-age=10") == [3, 5])
        #expect(try windows("max-age=10, stale-while-revalidate=7") == [7, 5])
        #expect(try windows("max-age=10, stale-if-error=0") == [3, 0])
        #expect(try windows("max-age=10, must-revalidate, stale-if-error=9") == [0, 0])
        #expect(try windows("max-age=10, proxy-revalidate") == [0, 0])
        #expect(try windows("s-maxage=10") == [0, 0])
        #expect(try windows("s-maxage=10, stale-if-error=9") == [0, 9])
        // Stale when it comes, but of use.
        #expect(try freshness([("cache-control", "max-age=0")], withRoute)?.lifetime == 1)
    }

    @Test("An absence is remembered as long as the route says, or less")
    func absence() throws {
        var route = OriginRoute(template: try OriginTemplate("http://h/{key}"))
        route.negativeTimeToLive = .seconds(5)
        func lifetime(_ control: String?) -> Int64? {
            let fields = control.map { [(name: "cache-control", value: $0)] } ?? []
            return OriginFreshness.ofAbsence(
                OriginAnswer(status: 404, fields: fields), route, wallClock: Self.wallClock
            )
            .map { $0 / Self.second }
        }
        #expect(lifetime(nil) == 5)
        #expect(lifetime("max-age=2") == 2)
        #expect(lifetime("max-age=60") == 5)
        #expect(lifetime("no-store") == nil)
        route.negativeTimeToLive = .zero
        #expect(lifetime(nil) == nil)
    }
}
