internal import MicroHTTP

/// A route of the service.
enum Route: Int, CaseIterable, Sendable {
    case index, key, keys, mget, mput, mdelete, touch, incr, tag, warm, export, snapshot, stats, metrics, livez, readyz,
        healthz,
        contract
    /// What no route matches, and requests that cannot be read.
    case unmatched

    /// The path as the contract writes it; the label of the metrics.
    var pattern: StaticString {
        switch self {
        case .key: "/keys/{key}"
        case .keys: "/keys"
        case .mget: "/mget"
        case .mput: "/mput"
        case .mdelete: "/mdelete"
        case .touch: "/touch"
        case .incr: "/incr"
        case .tag: "/tags/{tag}"
        case .warm: "/warm"
        case .export: "/export"
        case .snapshot: "/snapshot"
        case .stats: "/stats"
        case .metrics: "/metrics"
        case .livez: "/livez"
        case .readyz: "/readyz"
        case .healthz: "/healthz"
        case .contract: "/openapi.yaml"
        case .index: "/"
        case .unmatched: "unmatched"
        }
    }

    /// The methods that it answers, but for OPTIONS, which all routes answer.
    var methods: [Method] {
        switch self {
        case .key: [.get, .head, .put, .patch, .delete]
        case .keys: [.get, .head, .delete]
        case .mget: [.post, .query]
        case .mput, .mdelete, .touch, .incr, .warm, .snapshot: [.post]
        case .tag: [.delete]
        case .stats: [.get, .head, .delete]
        case .export, .metrics, .livez, .readyz, .healthz, .contract, .index: [.get, .head]
        case .unmatched: []
        }
    }

    /// Whether it tells those who watch over the server how it is: open to everybody.
    var tellsHealth: Bool {
        switch self {
        case .livez, .readyz, .healthz: true
        default: false
        }
    }

    /// The media type of patches.
    static let patchType: StaticString = "application/merge-patch+json"

    /// The methods to name in `Allow`.
    var allowed: [Method] { methods + [.options] }

    /// The methods that some route answers.
    static let allowedSomewhere = Method.allCases.filter { method in allCases.contains { $0.allowed.contains(method) } }

    /// Whether it reads the body of a request; what else comes with one is passed over.
    func readsBody(_ method: Method) -> Bool {
        switch self {
        case .key: method == .put || method == .patch
        case .mget: method == .post || method == .query
        case .mput, .mdelete, .touch, .incr, .warm: method == .post
        default: false
        }
    }

    /// The route of a path, and what of the path names a key or a tag.
    ///
    /// - Parameter target: The target's path, or all of a target in absolute form.
    static func match(_ target: BorrowedBytes) -> (route: Route, key: BorrowedBytes) {
        let path = path(of: target)
        if path.starts(with: keyPrefix) { return (.key, path.dropping(keyPrefix.utf8CodeUnitCount)) }
        if path.starts(with: tagPrefix) { return (.tag, path.dropping(tagPrefix.utf8CodeUnitCount)) }
        let route = allCases.first { $0 != .key && $0 != .tag && $0 != .unmatched && path.equals($0.pattern) }
        return (route ?? .unmatched, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private static let keyPrefix: StaticString = "/keys/"
    private static let tagPrefix: StaticString = "/tags/"

    private static var rootPath: BorrowedBytes {
        let path: StaticString = "/"
        return UnsafeRawBufferPointer(start: path.utf8Start, count: path.utf8CodeUnitCount)
    }

    /// Proxies send `http://host/path` (RFC 9112, section 3.2.2), which means the path; without one, `/`.
    private static func path(of target: BorrowedBytes) -> BorrowedBytes {
        guard target.first != UInt8(ascii: "/") else { return target }
        for scheme: StaticString in ["http://", "https://"] where target.startsIgnoringCase(with: scheme) {
            let rest = target.dropping(scheme.utf8CodeUnitCount)
            return rest.firstIndex(of: UInt8(ascii: "/")).map { rest.dropping($0) } ?? rootPath
        }
        return target
    }
}

extension [Method] {
    /// As `Allow` has them.
    var list: String { map { "\($0.name)" }.joined(separator: ", ") }
}
