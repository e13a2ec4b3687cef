public import CacheCore
public import MicroHTTP
internal import Synchronization

/// The cache as a web service: requests in, responses out, as the contract (openapi.yaml) has them.
///
/// A request goes one way: its path is matched to a ``Route``; with a body, ``admit(_:)`` bounds it; ``respond(to:)`` calls the route's
/// function, which reads the request, uses the cache and returns a response or throws a ``Problem``; what happened is
/// counted. Routes are plain functions of values, and none of them waits.
public final class CacheService: HTTPHandler {
    let cache: ProductionCache
    let limits: ServiceLimits
    let version: String
    let statistics: ServiceStatistics

    private let lifecycle: Lifecycle
    private let access: AccessControl?
    private let crossOrigin: CrossOrigin?
    private let rateLimiter: RateLimiter?
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
    ///   - version: The program's version, for the index and the metrics.
    ///   - observer: Told each request that was answered, on the server's thread; nil for none, which costs nothing.
    public init(
        cache: ProductionCache, limits: ServiceLimits = ServiceLimits(), access: AccessControl? = nil,
        crossOrigin: CrossOrigin? = nil, rateLimiter: RateLimiter? = nil, version: String,
        observer: (@Sendable (RequestRecord) -> Void)? = nil
    ) {
        self.cache = cache
        self.limits = limits
        self.version = version
        self.access = access
        self.crossOrigin = crossOrigin
        self.rateLimiter = rateLimiter
        self.observer = observer
        lifecycle = Lifecycle()
        statistics = ServiceStatistics(start: cache.now)
    }

    /// The service as it is for a token that is confined to keys that begin alike: all that it counts, it counts with `service`.
    private init(_ service: CacheService, confinedTo prefix: [UInt8]) {
        cache = service.cache
        var limits = service.limits
        limits.keyPrefix = prefix
        self.limits = limits
        version = service.version
        access = nil
        crossOrigin = service.crossOrigin
        rateLimiter = nil
        observer = service.observer
        lifecycle = service.lifecycle
        statistics = service.statistics
    }

    /// The service as the request may use it, and what its response is to tell of the limit on requests.
    ///
    /// - Parameter counts: Whether the request counts: once for each.
    /// - Throws: ``Problem`` if it may not.
    private func admitted(
        _ head: RequestHead, _ route: Route, counts: Bool
    ) throws(Problem) -> (service: CacheService, fields: HeaderFields?) {
        guard access != nil || rateLimiter != nil else { return (self, nil) }
        var granted: AccessControl.Access?
        do throws(Problem) {
            granted = try access?.check(head, route)
        } catch {
            // Who guesses tokens is counted too.
            _ = try limited(head, route, nil, counts: counts)
            throw error
        }
        return (try confined(head, route, granted), try limited(head, route, granted?.client, counts: counts))
    }

    private func limited(
        _ head: RequestHead, _ route: Route, _ client: RateLimiter.Client?, counts: Bool
    ) throws(Problem) -> HeaderFields? {
        guard let rateLimiter, head.method != .options else { return nil }
        switch route {
        case .livez, .readyz, .healthz: return nil
        default: break
        }
        let client = client ?? head.clientAddress.map { .address($0.network) } ?? .local
        return try rateLimiter.check(client, now: cache.now, takes: counts)
    }

    private func confined(
        _ head: RequestHead, _ route: Route, _ granted: AccessControl.Access?
    ) throws(Problem) -> CacheService {
        guard let granted else { return self }
        if route == .keys, head.method == .delete, granted.prefix.isEmpty, granted.scope < .admin {
            let prefix = try RequestReading.parameter("prefix", of: head) ?? []
            guard !prefix.isEmpty else {
                throw Problem(
                    .forbidden,
                    "the token has the scope \(granted.scope.rawValue); to remove all keys needs admin, "
                        + "to remove some of them a prefix")
            }
        }
        return granted.prefix.isEmpty ? self : CacheService(self, confinedTo: granted.prefix)
    }

    /// Says at `/readyz` from now on that no more requests should come, and asks clients to close their connections.
    public func beginDraining() { lifecycle.draining.store(true, ordering: .relaxed) }

    var isDraining: Bool { lifecycle.draining.load(ordering: .relaxed) }

    /// Lets `/stats` and `/metrics` tell of the server's connections and bytes.
    public func attach(server: HTTPServer) { statistics.attach(server) }

    // MARK: HTTPHandler

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
                try RequestReading.checkContent(of: head)
                return .stream(
                    WarmReceiver(
                        service: service,
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
            if route == .key, head.method == .put { try service.checkPut(head) }
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
        let problem =
            route == .key && head.method == .put
            ? Problem(.valueTooLarge, "the value has more than \(limit) bytes, which is the most")
            : Problem(.bodyTooLarge, "the body has more than \(limit) bytes, which is the most")
        return refused(problem, head, route)
    }

    public func refuse(overloaded head: RequestHead) -> Response {
        let (route, _) = Route.match(head.path)
        return refused(
            Problem(.overloaded, "the bodies of other requests take all the memory that there is for them; try again"),
            head,
            route)
    }

    public func refuse(malformed detail: String) -> Response { refusedUnread(Problem(.malformedRequest, detail)) }

    public func refuse(headTooLarge detail: String) -> Response { refusedUnread(Problem(.headersTooLarge, detail)) }

    /// Refuses a request whose head cannot be relied on.
    private func refusedUnread(_ problem: Problem) -> Response {
        var response = problem.response
        finish(&response, .unmatched, .other, start: cache.now)
        return response
    }

    public func respond(to request: Request) -> Response {
        let start = cache.now
        let (route, key) = Route.match(request.head.path)
        var response: Response
        do throws(Problem) {
            let (service, fields) = try admitted(request.head, route, counts: true)
            response = try service.answer(request, route, key, now: start)
            if let fields { response.headers.add(fields) }
        } catch {
            response = error.response
        }
        if let crossOrigin { response.headers.add(crossOrigin.fields(for: request.head)) }
        finish(&response, route, request.head.method, start: start)
        return response
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
        if let operation = Operation(route, method) {
            statistics.latencies.record(operation, nanoseconds: cache.now - start)
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
    ) throws(Problem) -> Response {
        let head = request.head
        // The most frequent first.
        if route == .key, head.method == .get || head.method == .head { return try getKey(key, head, now: now) }
        try checkMethod(head, route)
        if head.method == .options { return options(route) }
        if !request.body.isEmpty, route.readsBody(head.method) { try RequestReading.checkContent(of: head) }
        switch (route, head.method) {
        case (.key, .put): return try putKey(key, request)
        case (.key, .patch): return try patchKey(key, request)
        case (.key, _): return try deleteKey(key, head)
        case (.keys, .delete): return try clearKeys(head)
        case (.keys, _): return try listKeys(head)
        case (.mget, _): return try mget(request)
        case (.mput, _): return try mput(request)
        case (.mdelete, _): return try mdelete(request)
        case (.touch, _): return try touch(request)
        case (.incr, _): return try increment(request)
        case (.tag, _): return try clearTag(key)
        case (.warm, _): return WarmReceiver(service: self).answer()
        case (.export, _): return try export(head)
        case (.stats, .delete): return resetStats()
        case (.stats, _): return stats()
        case (.metrics, _): return metrics()
        case (.livez, _), (.healthz, _): return live()
        case (.readyz, _): return try ready()
        case (.contract, _): return contract()
        case (.index, _): return index()
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
