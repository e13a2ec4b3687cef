internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// What becomes of a body when its head has arrived, told by how long a body may be.
struct AdmissionTests {
    private let test: TestService

    init() throws {
        test = try TestService(limits: ServiceLimits(maxValueBytes: 200_000, maxBodyBytes: 300_000))
    }

    /// The most bytes of a body that are taken, of those that a test sends.
    private func largest(_ method: MicroHTTP.Method, _ path: String, headers: [(String, String)] = []) -> Int {
        [0, 65_536, 65_537, 200_000, 200_001, 300_000, 300_001, 400_000].last { count in
            let body = [UInt8](repeating: UInt8(ascii: " "), count: count)
            let reply = test.ask(method, path, headers: headers, body: body)
            return !["value_too_large", "body_too_large"].contains((try? reply.object["code"] as? String) ?? "")
        }!
    }

    @Test func aValueHasItsLimit() {
        #expect(largest(.put, "/keys/a") == 200_000)
        #expect(largest(.put, "/keys/a?ttl=5") == 200_000)
    }

    @Test func aBulkBodyHasItsLimit() {
        for path in ["/mget", "/mput", "/mdelete"] { #expect(largest(.post, path) == 300_000) }
    }

    @Test func aStreamHasNone() {
        #expect(largest(.post, "/warm") == 400_000)
    }

    @Test func whereNoneIsTakenLittleIs() {
        for path in ["/keys", "/keys/a", "/stats", "/metrics", "/livez", "/readyz", "/", "/openapi.yaml", "/export"] {
            #expect(largest(.get, path) == 65_536)
        }
        for path in ["/keys", "/keys/a", "/stats"] { #expect(largest(.delete, path) == 65_536) }
        #expect(largest(.options, "/mput") == 65_536)
    }

    /// A body on its way to a refusal is read, so that the connection can live; a large one is not.
    @Test func aRefusalComesOnceWhateverTheLength() throws {
        for count in [1, 65_536, 65_537, 400_000] {
            let body = String(repeating: " ", count: count)
            #expect(test.put("/keys/%", body).status == 400)
            #expect(test.put("/keys/a?ttl=0", body).status == 400)
            #expect(test.ask(.post, "/keys/a", body: body).status == 405)
            #expect(test.ask(.put, "/mput", body: body).status == 405)
            #expect(test.ask(.post, "/no", body: body).status == 404)
            #expect(test.ask(.post, "/mput", headers: [("Content-Type", "image/png")], body: body).status == 415)
        }
        #expect(test.service.requestCounts.values.reduce(0, +) == 24)
    }

    @Test func aRequestThatCannotBeReadIsAProblem() throws {
        try expect(
            Reply(test.service.refuse(malformed: "the request has two ends")),
            is: ExpectedProblem(400, "malformed_request", "the request has two ends"))
        try expect(
            Reply(test.service.refuse(headTooLarge: "the head is too large")),
            is: ExpectedProblem(431, "headers_too_large", "the head is too large"))
        #expect(test.service.requestCounts == ["unmatched OTHER 400": 1, "unmatched OTHER 431": 1])
    }
}
