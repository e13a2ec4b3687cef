import CacheCore
import Foundation
import MicroHTTP

@testable import CacheService

/// A service over an empty cache whose time stands still until it is moved.
struct ServiceFixture {
    let clock = ManualClock(secondsSince1970: 1_700_000_000)
    let cache: ProductionCache
    let service: CacheService

    init(
        capacity: Int? = nil, memoryLimit: Int? = nil, defaultTTL: Duration? = nil,
        limits: ServiceLimits = ServiceLimits(), observer: (@Sendable (CacheService.RequestRecord) -> Void)? = nil
    ) throws {
        cache = try ProductionCache(
            CacheConfiguration(
                capacity: capacity, memoryLimit: memoryLimit, defaultTTL: defaultTTL, clock: .manual(clock)))
        service = CacheService(cache: cache, limits: limits, version: "1.2.3", observer: observer)
    }

    /// Sends a request, as a client would.
    func send(
        _ method: Method, _ target: String, headers: [(String, String)] = [], _ body: String = ""
    ) -> Reply {
        Reply(LiteralRequest(method, target, headers: headers, body: Array(body.utf8)).answer(by: service))
    }

    func get(_ target: String) -> Reply { send(.get, target) }
    func put(_ target: String, _ body: String) -> Reply { send(.put, target, body) }
    func post(_ target: String, _ body: String) -> Reply { send(.post, target, body) }
    func send(_ method: Method, _ target: String, _ body: String) -> Reply { send(method, target, headers: [], body) }
}

/// A response, all of it.
struct Reply {
    let status: Int
    let headers: [String]
    let body: String

    init(_ response: consuming Response) {
        status = response.status
        headers = response.headers.all.map { "\($0.name): \($0.value)" }
        body = String(decoding: response.collectBody(), as: UTF8.self)
    }

    /// The slug of a problem.
    var code: String? {
        guard headers.contains("Content-Type: application/problem+json"), let start = body.range(of: "\"code\":\"")
        else {
            return nil
        }
        return String(body[start.upperBound...].prefix { $0 != "\"" })
    }

    /// Status and slug, the way most tests ask for them.
    var problem: String { "\(status) \(code ?? "-")" }
}
