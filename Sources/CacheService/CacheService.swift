public import CacheCore
public import MicroHTTP
public import ReadThrough
internal import Synchronization

/// The cache as a web service: requests in, responses out, as the contract (openapi.yaml) has them.
///
/// A request goes one way: its path is matched to a ``Route``; with a body, ``admit(_:)`` bounds it; ``respond(to:)`` calls the route's
/// function, which reads the request, uses the cache and returns a response or throws a ``Problem``; what happened is
/// counted. Routes are plain functions of values, and none of them waits: what has to returns the promise of a response.
public final class CacheService: HTTPHandler {
    let cache: ProductionCache
    let limits: ServiceLimits
    let version: String
    let statistics: ServiceStatistics

    private let lifecycle: Lifecycle
    let access: AccessControl?
    let crossOrigin: CrossOrigin?
    let rateLimiter: RateLimiter?
    let snapshots: SnapshotFigures?
    let snapshotWriter: SnapshotWriter?
    let warmer: Warmer?
    /// Whether who asks may have the cache filled from a source that the configuration names.
    let allowsNamedSources: Bool
    /// nil if nothing is read through the cache.
    let loader: OriginLoader?
    let needsClientCertificate: Bool
    private let observer: (@Sendable (RequestRecord) -> Void)?

    /// What is told of a request that was answered.
    public struct RequestRecord: Sendable {
        public var method: String
        /// The route's path as the contract writes it: never a key.
        public var route: String
        public var status: Int
        public var duration: Duration
    }

    /// What the service shares with those that are confined to some of its keys.
    private final class Lifecycle: Sendable {
        let draining = Atomic<Bool>(false)
    }

    /// - Parameters:
    ///   - cache: The cache that is served.
    ///   - limits: How much a client may send.
    ///   - access: Who may ask for what; nil for everybody for everything.
    ///   - crossOrigin: Which web pages of other origins may ask from a browser; nil for none.
    ///   - rateLimiter: How many requests a client may make; nil for any number.
    ///   - needsClientCertificate: Whether all but the health routes are for clients who have shown a certificate alone.
    ///   - snapshots: What is told of snapshots; nil if there are none.
    ///   - snapshotWriter: Writes one when it is asked to; nil if there are none.
    ///   - warmer: What fills the cache from sources; nil if there are none.
    ///   - loader: What loads missing values from their origins; nil if there are none.
    ///   - version: The program's version, for the index and the metrics.
    ///   - observer: Told each request that was answered, on the server's thread; nil for none, which costs nothing.
    public init(
        cache: ProductionCache, limits: ServiceLimits = ServiceLimits(), access: AccessControl? = nil,
        crossOrigin: CrossOrigin? = nil, rateLimiter: RateLimiter? = nil,
        needsClientCertificate: Bool = false, snapshots: SnapshotFigures? = nil,
        snapshotWriter: SnapshotWriter? = nil, warmer: Warmer? = nil, loader: OriginLoader? = nil, version: String,
        observer: (@Sendable (RequestRecord) -> Void)? = nil
    ) {
        self.cache = cache
        self.limits = limits
        self.version = version
        self.access = access
        self.crossOrigin = crossOrigin
        self.rateLimiter = rateLimiter
        self.snapshots = snapshots
        self.snapshotWriter = snapshotWriter
        self.warmer = warmer
        allowsNamedSources = true
        self.loader = loader
        self.needsClientCertificate = needsClientCertificate
        self.observer = observer
        lifecycle = Lifecycle()
        statistics = ServiceStatistics(start: cache.now)
        loader?.observeLoads { [statistics] in statistics.latencies.record(.load, nanoseconds: $0) }
    }

    /// The service as it is for a token that is confined to keys that begin alike: all that it counts, it counts with `service`.
    ///
    /// - Parameter allowsNamedSources: Whether it may name a source, which can write to any keys.
    init(_ service: CacheService, confinedTo prefix: [UInt8], allowsNamedSources: Bool = false) {
        cache = service.cache
        var limits = service.limits
        limits.keyPrefix = prefix
        self.limits = limits
        version = service.version
        access = nil
        crossOrigin = service.crossOrigin
        rateLimiter = nil
        snapshots = service.snapshots
        snapshotWriter = service.snapshotWriter
        warmer = service.warmer
        self.allowsNamedSources = allowsNamedSources
        loader = service.loader
        needsClientCertificate = false
        observer = service.observer
        lifecycle = service.lifecycle
        statistics = service.statistics
    }

    /// Says at `/readyz` from now on that no more requests should come, and asks clients to close their connections.
    public func beginDraining() { lifecycle.draining.store(true, ordering: .relaxed) }

    var isDraining: Bool { lifecycle.draining.load(ordering: .relaxed) }

    /// Lets `/stats` and `/metrics` tell of the server's connections and bytes.
    public func attach(server: HTTPServer) { statistics.attach(server) }

    // MARK: HTTPHandler

    /// The time that responses tell is the cache's, which is the system's unless a test moves it.
    public var tellsTime: Bool { cache.hasSystemClock }

    public func admit(_ head: RequestHead) -> Admission {
        let (route, _) = Route.match(head.path)
        let service: CacheService
        do throws(Problem) {
            (service, _) = try admitted(head, route, counts: false)
        } catch {
            return refusal(error, head, route)
        }
        if route == .warm, head.method == .post {
            do throws(Problem) {
                let coding = try RequestReading.checkContent(of: head)
                return .stream(
                    try WarmReceiver(
                        service: service, coding: coding, responseCoding: RequestReading.acceptedCoding(of: head),
                        fields: [try admitted(head, route, counts: true).fields, crossOrigin?.fields(for: head)]))
            } catch {
                return refusal(error, head, route)
            }
        }
        // A small body is read whatever is wrong with the request, so that the connection lives: `respond` will tell.
        if case .length(let length) = head.framing, length <= Self.smallBody {
            return .collect(limit: bodyLimit(route, head.method))
        }
        do throws(Problem) {
            try checkMethod(head, route)
            if route.readsBody(head.method) { try RequestReading.checkContent(of: head) }
            if route == .key, head.method == .put {
                try service.checkPut(head)
                if let place = service.placeForPut(head) { return .place(place) }
            }
            if route == .key, head.method == .patch { try service.checkPatch(head) }
            return .collect(limit: bodyLimit(route, head.method))
        } catch {
            return refusal(error, head, route)
        }
    }

    private func bodyLimit(_ route: Route, _ method: Method) -> Int {
        switch (route, method) {
        case (.key, .put), (.key, .patch): limits.maxValueBytes
        case (.mget, _), (.mput, _), (.mdelete, _), (.touch, _):
            route.readsBody(method) ? limits.maxBodyBytes : Self.smallBody
        default: Self.smallBody
        }
    }

    /// Refuses a request without reading its body, unless that is small.
    private func refusal(_ problem: Problem, _ head: RequestHead, _ route: Route) -> Admission {
        if case .length(let length) = head.framing, length <= Self.smallBody { return .collect(limit: length) }
        return .refuse(refused(problem, head, route))
    }

    public func refuse(_ head: RequestHead, overLimit limit: Int) -> Response {
        let (route, _) = Route.match(head.path)
        return refused(tooLarge(head, route, limit: limit), head, route)
    }

    private func tooLarge(_ head: RequestHead, _ route: Route, limit: Int) -> Problem {
        route == .key && head.method == .put
            ? Problem(.valueTooLarge, "the value has more than \(limit) bytes, which is the most")
            : Problem(.bodyTooLarge, "the body has more than \(limit) bytes, which is the most")
    }

    public func refuse(overloaded head: RequestHead) -> Response {
        let (route, _) = Route.match(head.path)
        return refused(
            Problem(
                .overloaded, "other requests and their answers take all the memory that there is for them; try again"),
            head,
            route)
    }

    public func refuse(_ refusal: ConnectionRefusal) -> Response {
        let detail =
            switch refusal {
            case .connections(let most): "the server has \(most) connections, which is the most; try again"
            case .connectionsOfAddress(let most):
                "there are \(most) connections from your address, which is the most; use them again"
            }
        return refusedUnread(Problem(.overloaded, detail))
    }

    public func refuse(malformed detail: String) -> Response { refusedUnread(Problem(.malformedRequest, detail)) }

    public func refuse(headTooLarge detail: String) -> Response { refusedUnread(Problem(.headersTooLarge, detail)) }

    /// Refuses a request whose head cannot be relied on.
    private func refusedUnread(_ problem: Problem) -> Response {
        var response = problem.response
        finish(&response, .unmatched, .other, start: cache.now)
        return response
    }

    public func respond(to request: Request) -> Reply {
        let start = cache.now
        let (route, key) = Route.match(request.head.path)
        var response: Response
        do throws(Problem) {
            let (service, fields) = try admitted(request.head, route, counts: true)
            switch try service.answer(request, route, key, now: start) {
            case .now(let made):
                response = made
                if let fields { response.headers.add(fields) }
            case .later(let pending):
                return .later(
                    finishing(
                        pending,
                        Finish(
                            coding: RequestReading.acceptedCoding(of: request.head),
                            fields: [fields, crossOrigin?.fields(for: request.head)], route: route,
                            method: request.head.method, start: start)))
            }
        } catch {
            response = error.response
        }
        response = response.encoded(in: RequestReading.acceptedCoding(of: request.head))
        if let crossOrigin { response.headers.add(crossOrigin.fields(for: request.head)) }
        finish(&response, route, request.head.method, start: start)
        return .now(response)
    }

    /// How much of the body of a request that takes none, or that is refused, is read for the connection's sake.
    private static let smallBody = 64 << 10

    private func refused(_ problem: Problem, _ head: RequestHead, _ route: Route) -> Response {
        var response = problem.response
        if let crossOrigin { response.headers.add(crossOrigin.fields(for: head)) }
        finish(&response, route, head.method, start: cache.now)
        return response
    }

    /// Counts a request that is about to be answered.
    func finish(_ response: inout Response, _ route: Route, _ method: Method, start: Int64) {
        if isDraining { response.closesConnection = true }
        statistics.count(route, method, status: response.status)
        response.began = start
        if let operation = Operation(route, method) {
            let end = cache.now
            response.ended = end
            statistics.latencies.record(operation, nanoseconds: end - start)
        }
        if let observer {
            observer(
                RequestRecord(
                    method: "\(method.name)", route: "\(route.pattern)", status: response.status,
                    duration: .nanoseconds(cache.now - start)))
        }
    }

    // MARK: Routing

    private func answer(
        _ request: Request, _ route: Route, _ key: BorrowedBytes, now: Int64
    ) throws(Problem) -> Reply {
        let head = request.head
        // The most frequent first.
        if route == .key, head.method == .get || head.method == .head {
            guard let loader else { return .now(try getKey(key, head, now: now)) }
            return try getKey(key, head, through: loader, now: now)
        }
        try checkMethod(head, route)
        if head.method == .options { return .now(options(route)) }
        if !request.body.isEmpty, route.readsBody(head.method), let coding = try RequestReading.checkContent(of: head) {
            let limit = bodyLimit(route, head.method)
            return try request.withDecodedBody(coding, limit: limit, tooLarge: tooLarge(head, route, limit: limit)) {
                (request) throws(Problem) in try dispatch(request, route, key)
            }
        }
        return try dispatch(request, route, key)
    }

    /// Calls the route's function.
    private func dispatch(_ request: Request, _ route: Route, _ key: BorrowedBytes) throws(Problem) -> Reply {
        let head = request.head
        switch (route, head.method) {
        case (.key, .put): return .now(try putKey(key, request))
        case (.key, .patch): return .now(try patchKey(key, request))
        case (.key, _): return .now(try deleteKey(key, head))
        case (.keys, .delete): return .now(try clearKeys(head))
        case (.keys, _): return .now(try listKeys(head))
        case (.mget, _): return try mget(request)
        case (.mput, _): return .now(try mput(request))
        case (.mdelete, _): return .now(try mdelete(request))
        case (.touch, _): return .now(try touch(request))
        case (.incr, _): return .now(try increment(request))
        case (.tag, _): return .now(try clearTag(key))
        case (.warm, _): return try WarmReceiver(service: self).reply(to: request.body)
        case (.export, _): return .now(try export(head))
        case (.snapshot, _): return .later(try writeSnapshot())
        case (.stats, .delete): return .now(resetStats())
        case (.stats, _): return .now(stats())
        case (.metrics, _): return .now(metrics())
        case (.livez, _), (.healthz, _): return .now(live())
        case (.readyz, _): return .now(try ready())
        case (.contract, _): return .now(contract())
        case (.index, _): return .now(index())
        case (.unmatched, _): throw Self.noRoute(head.path)
        }
    }

    private func checkMethod(_ head: RequestHead, _ route: Route) throws(Problem) {
        if head.method == .options, head.path.equals("*") { return }
        guard route != .unmatched else { throw Self.noRoute(head.path) }
        guard head.method == .options || route.methods.contains(head.method) else {
            var problem = Problem(
                .methodNotAllowed, "\(route.pattern) does not answer this method; it answers \(route.allowed.list)")
            problem.allow = route.allowed
            throw problem
        }
    }

    private static func noRoute(_ path: BorrowedBytes) -> Problem {
        Problem(.routeNotFound, "there is no route \(shortened(path)); GET / lists those that there are")
    }

    /// What a path answers; or all of the server, which `*` stands for (RFC 9110, section 9.3.7).
    private func options(_ route: Route) -> Response {
        var headers = HeaderFields()
        headers.add("Allow", (route == .unmatched ? Route.allowedSomewhere : route.allowed).list)
        if route == .key { headers.add("Accept-Patch", "\(Route.patchType)") }
        return Response(status: 204, headers: headers)
    }
}
