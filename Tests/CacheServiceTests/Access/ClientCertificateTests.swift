internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// What a client may do that has shown no certificate, where clients need one.
struct ClientCertificateTests {
    @Test(arguments: Route.allCases) func onlyHealthIsForEverybody(route: Route) throws {
        let test = try TestService(needsClientCertificate: true)
        let path =
            route == .unmatched
            ? "/nowhere" : "\(route.pattern)".replacing("{key}", with: "k").replacing("{tag}", with: "t")
        for method in route == .unmatched ? [.get] : route.allowed {
            let body: [UInt8] = method == .post ? Array("[]".utf8) : []
            let reply = test.ask(method, path, body: body)
            #expect((reply.status == 403) == ![Route.livez, .readyz, .healthz].contains(route), "\(method) \(path)")
            if reply.status == 403, method != .head {
                #expect(try reply.object["code"] as? String == "forbidden")
                #expect(reply.text.contains("client certificate"))
            }
            #expect(test.ask(method, path, body: body, hasClientCertificate: true).status != 403)
        }
    }

    @Test func nothingOfARefusedRequestTakesEffect() throws {
        let test = try TestService(needsClientCertificate: true)
        #expect(test.put("/keys/a").status == 403)
        #expect(test.ask(.post, "/warm", body: #"{"key":"a","value":1}"#).status == 403)
        #expect(test.ask(.get, "/keys/a", hasClientCertificate: true).status == 404)
        #expect(test.reads == (0, 1))
    }

    @Test func preflightRequestsComeWithoutOne() throws {
        let origins = try #require(CrossOrigin("https://a"))
        let test = try TestService(crossOrigin: origins, needsClientCertificate: true)
        #expect(test.ask(.options, "/keys/a", headers: [("Origin", "https://a")]).status == 204)
        let refused = test.ask(.get, "/keys/a", headers: [("Origin", "https://a")])
        #expect(refused.status == 403)
        #expect(refused["Access-Control-Allow-Origin"] == "https://a")
    }

    @Test func aCertificateIsNoToken() throws {
        let test = try TestService(access: AccessControl(try AccessTokens([])), needsClientCertificate: true)
        #expect(test.ask(.get, "/keys/a").status == 403)
        #expect(test.ask(.get, "/keys/a", hasClientCertificate: true).status == 401)
    }

    @Test func whoHasNoneCountsAsAnAddress() throws {
        let test = try TestService(rateLimiter: RateLimiter(rate: 1, burst: 2), needsClientCertificate: true)
        #expect((0..<4).map { _ in test.get("/keys").status } == [403, 403, 429, 429])
    }
}
