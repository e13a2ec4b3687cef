internal import CacheCore
internal import Foundation
internal import MicroHTTP
internal import ReadThrough

@testable internal import CacheService

/// A service over a cache whose clock a test drives, asked without a socket. The least recently used make room: it can be
/// told beforehand which.
struct TestService {
    let clock: ManualClock
    let cache: ProductionCache
    let service: CacheService

    /// - Parameters:
    ///   - capacity: The most entries.
    ///   - memoryLimit: The most bytes.
    ///   - defaultTTL: How long entries live that do not say.
    ///   - secondsSince1970: The time of day at first.
    ///   - limits: How much a client may send.
    ///   - access: Who may ask for what.
    ///   - crossOrigin: Which web pages may ask.
    ///   - rateLimiter: How many requests a client may make.
    ///   - needsClientCertificate: Whether clients have to show certificates.
    ///   - snapshots: What is told of snapshots.
    ///   - snapshotWriter: Writes them.
    ///   - sources: Sources that clients may name.
    ///   - startSources: Sources that the cache is filled from at the start.
    ///   - origins: Where missing values come from.
    ///   - observer: Told each request that was answered.
    init(
        capacity: Int? = nil, memoryLimit: Int? = nil, defaultTTL: Duration? = nil,
        secondsSince1970: Int = 1_700_000_000,
        limits: ServiceLimits = ServiceLimits(), access: AccessControl? = nil, crossOrigin: CrossOrigin? = nil,
        rateLimiter: RateLimiter? = nil, needsClientCertificate: Bool = false,
        snapshots: SnapshotFigures? = nil, snapshotWriter: SnapshotWriter? = nil,
        sources: [Warmer.Source] = [], startSources: [Warmer.Source] = [], origins: Origins? = nil,
        observer: (@Sendable (CacheService.RequestRecord) -> Void)? = nil
    ) throws {
        clock = ManualClock(secondsSince1970: secondsSince1970)
        cache = try ProductionCache(
            CacheConfiguration(
                capacity: capacity, memoryLimit: memoryLimit, defaultTTL: defaultTTL, eviction: .lru,
                clock: .manual(clock)))
        let loader: OriginLoader? =
            if let origins { try OriginLoader(origins, cache: cache, maxValueBytes: limits.maxValueBytes) } else { nil }
        let warmer =
            sources.isEmpty && startSources.isEmpty
            ? nil : Warmer(cache: cache, limits: limits, sources: sources, startSources: startSources)
        service = CacheService(
            cache: cache, limits: limits, access: access, crossOrigin: crossOrigin, rateLimiter: rateLimiter,
            needsClientCertificate: needsClientCertificate, snapshots: snapshots, snapshotWriter: snapshotWriter,
            warmer: warmer, loader: loader, version: "1.2.3", observer: observer
        )
    }

    func ask(
        _ method: MicroHTTP.Method, _ target: String, headers: [(String, String)] = [], body: [UInt8] = [],
        from address: ClientAddress? = nil, hasClientCertificate: Bool = false
    ) -> Reply {
        Reply(
            LiteralRequest(
                method, target, headers: headers, body: body, from: address, hasClientCertificate: hasClientCertificate
            ).answer(by: service))
    }

    func ask(_ method: MicroHTTP.Method, _ target: String, headers: [(String, String)] = [], body: String) -> Reply {
        ask(method, target, headers: headers, body: Array(body.utf8))
    }

    func get(_ target: String) -> Reply { ask(.get, target) }
    func post(_ target: String, _ body: String) -> Reply { ask(.post, target, body: body) }

    @discardableResult
    func put(_ target: String, _ body: String = "1", headers: [(String, String)] = []) -> Reply {
        ask(.put, target, headers: headers, body: body)
    }

    /// Hits and misses, from `/stats`.
    var reads: (hits: Int, misses: Int) {
        let stats = cache.getStats()
        return (stats.hits, stats.misses)
    }
}

/// A response with all of its body.
struct Reply {
    let status: Int
    let headers: HeaderFields
    let closesConnection: Bool
    let body: [UInt8]

    init(_ reply: consuming MicroHTTP.Reply) { self.init(reply.response()) }

    init(_ response: consuming Response) {
        status = response.status
        headers = response.headers
        closesConnection = response.closesConnection
        body = response.collectBody()
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a header field.
    subscript(_ name: String) -> String? { headers[name] }

    /// The names of all header fields, in their order.
    var headerNames: [String] { headers.all.map(\.name) }

    /// The members of the body, which must be a JSON object.
    var object: [String: Any] {
        get throws {
            guard let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] else {
                throw NotAnObject(text: text)
            }
            return object
        }
    }

    struct NotAnObject: Error { let text: String }
}
