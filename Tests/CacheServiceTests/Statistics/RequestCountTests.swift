internal import MicroHTTP
internal import Testing

@testable internal import CacheService

struct RequestCountTests {
    private let test: TestService

    init() throws { test = try TestService() }

    @Test func byRouteMethodAndStatus() {
        #expect(test.service.requestCounts.isEmpty)
        for _ in 0..<3 { test.put("/keys/a") }
        for key in ["a", "b", "c"] { _ = test.get("/keys/\(key)") }
        _ = test.ask(.head, "/keys/a")
        _ = test.get("/keys/%")
        _ = test.get("/keys/\(String(repeating: "k", count: 513))")
        _ = test.ask(.delete, "/keys/a")
        _ = test.ask(.delete, "/keys")
        _ = test.ask(.options, "/keys")
        _ = test.ask(.patch, "/keys")
        _ = test.ask(.other, "/elsewhere")
        _ = test.get("/stats")
        _ = test.post("/warm", "{}")
        #expect(
            test.service.requestCounts == [
                "/keys/{key} PUT 201": 1, "/keys/{key} PUT 204": 2, "/keys/{key} GET 200": 1, "/keys/{key} GET 404": 2,
                "/keys/{key} HEAD 200": 1, "/keys/{key} GET 400": 1, "/keys/{key} GET 414": 1,
                "/keys/{key} DELETE 204": 1,
                "/keys DELETE 200": 1, "/keys OPTIONS 204": 1, "/keys PATCH 405": 1, "unmatched OTHER 404": 1,
                "/stats GET 200": 1, "/warm POST 200": 1,
            ])
    }

    @Test func everyCellIsItsOwn() {
        let statistics = ServiceStatistics(start: 0)
        var expected: [String: Int] = [:]
        var number = 0
        for route in Route.allCases {
            for method in MicroHTTP.Method.allCases {
                for status in ServiceStatistics.statuses {
                    number += 1
                    for _ in 0..<(number % 7 + 1) { statistics.count(route, method, status: status) }
                    expected["\(route) \(method) \(status)"] = number % 7 + 1
                }
            }
        }
        var found: [String: Int] = [:]
        statistics.forEachRequestCount { route, method, status, count in
            found["\(route) \(method) \(status)"] = Int(count)
        }
        #expect(found == expected)
    }

    @Test func aStatusThatNobodySendsIsCountedApart() {
        let statistics = ServiceStatistics(start: 0)
        for status in [299, 418, -1, .max] { statistics.count(.index, .get, status: status) }
        var found: [String] = []
        statistics.forEachRequestCount { route, method, status, count in
            found.append("\(route) \(method) \(status) \(count)")
        }
        #expect(found == ["index get 0 4"])
    }

    @Test func resetBeginsAnew() {
        test.put("/keys/a")
        _ = test.get("/keys/a")
        _ = test.get("/keys/b")
        let reply = test.ask(.delete, "/stats")
        #expect(reply.status == 204)
        #expect(reply.headers.all.isEmpty)
        #expect(reply.body.isEmpty)
        // The request that did it is the first of the new time.
        #expect(test.service.requestCounts == ["/stats DELETE 204": 1])
        #expect(test.reads == (0, 0))
        for operation in Operation.allCases {
            #expect(test.service.statistics.latencies.summary(of: operation).count == 0)
        }
        #expect(test.get("/keys/a").status == 200)
    }
}
