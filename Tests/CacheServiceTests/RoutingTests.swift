import CacheCore
import MicroHTTP
import Synchronization
import Testing

@testable import CacheService

struct RoutingTests {
    @Test(arguments: Route.allCases.filter { $0 != .unmatched })
    func everyRouteAnswersOptionsAndRefusesOtherMethods(route: Route) throws {
        let fixture = try ServiceFixture()
        let path = "\(route.pattern)".replacing("{key}", with: "a")
        let allow = "Allow: " + (route.methods + [.options]).map { "\($0.name)" }.joined(separator: ", ")
        let options = fixture.send(.options, path)
        #expect(options.status == 204)
        #expect(options.headers == [allow])
        for method in Method.allCases where method != .options && !route.methods.contains(method) {
            let reply = fixture.send(method, path)
            #expect(reply.problem == "405 method_not_allowed")
            #expect(reply.headers.contains(allow))
        }
    }

    @Test(arguments: ["/nope", "/key", "/keysx", "/mget/", "//", "", "*", "/stats/x", "/LIVEZ"])
    func noRoute(target: String) throws {
        #expect(try ServiceFixture().get(target).problem == "404 route_not_found")
    }

    @Test func theRoutesAreThoseOfTheContract() throws {
        let contract = try ServiceFixture().get("/openapi.yaml").body
        var inPaths = false
        var documented: [String: Set<String>] = [:]
        var path = ""
        for line in contract.split(separator: "\n") {
            if !line.hasPrefix(" ") { inPaths = line == "paths:" }
            guard inPaths else { continue }
            if line.hasPrefix("  /") { path = String(line.dropFirst(2).dropLast()) }
            if line.hasPrefix("    "), !line.hasPrefix("     "), line.hasSuffix(":") {
                let method = line.dropFirst(4).dropLast().uppercased()
                if Method.allCases.contains(where: { "\($0.name)" == method }) {
                    documented[path, default: []].insert(method)
                }
            }
        }
        let served = Route.allCases.filter { $0 != .unmatched }.map { route in
            ("\(route.pattern)", Set(route.allowed.map { "\($0.name)" }))
        }
        #expect(documented == Dictionary(uniqueKeysWithValues: served))
    }

    @Test func theIndexListsTheRoutes() throws {
        let body = try ServiceFixture().get("/").body
        #expect(body.hasPrefix("{\"name\":\"production-cache\",\"version\":\"1.2.3\",\"routes\":[{\"path\":\"/\","))
        for route in Route.allCases where route != .unmatched {
            #expect(body.contains("{\"path\":\"\(route.pattern)\","))
        }
    }

    @Test func healthFollowsTheDrain() throws {
        let fixture = try ServiceFixture()
        for path in ["/livez", "/healthz", "/readyz"] { #expect(fixture.get(path).body == "{\"status\":\"ok\"}\n") }
        fixture.service.beginDraining()
        let ready = fixture.get("/readyz")
        #expect(ready.problem == "503 draining")
        #expect(ready.headers.contains("Retry-After: 1"))
        #expect(ready.headers.contains("Connection: close"))
        #expect(fixture.get("/livez").status == 200)
        #expect(fixture.put("/keys/a", "1").status == 201)
    }

    @Test func theObserverIsToldEachRequestAndNoKey() throws {
        let seen = Mutex<[String]>([])
        let fixture = try ServiceFixture { record in
            seen.withLock { $0.append("\(record.method) \(record.route) \(record.status)") }
        }
        _ = fixture.put("/keys/secret", "1")
        _ = fixture.get("/nope")
        _ = fixture.post("/warm", "")
        _ = fixture.post("/warm", "{}")
        #expect(
            seen.withLock { $0 } == [
                "PUT /keys/{key} 201", "GET unmatched 404", "POST /warm 200", "POST /warm 200",
            ])
    }

    @Test(arguments: ProblemCode.allCases)
    func everyProblemIsComplete(code: ProblemCode) {
        let reply = Reply(Problem(code, "a \"detail\"").response)
        #expect(reply.problem == "\(code.status) \(code.rawValue)")
        #expect(reply.body.contains("\"detail\":\"a \\\"detail\\\"\""))
        #expect(!ReasonPhrase.of(code.status).hasPrefix("Status"))
    }
}
