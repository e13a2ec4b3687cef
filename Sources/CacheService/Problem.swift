internal import CacheCore
internal import MicroHTTP

/// The codes of errors that clients see, each with its status: the one table of them.
enum ProblemCode: String, CaseIterable {
    case invalidKey = "invalid_key"
    case invalidJSON = "invalid_json"
    case invalidTTL = "invalid_ttl"
    case invalidTag = "invalid_tag"
    case invalidHeader = "invalid_header"
    case invalidBody = "invalid_body"
    case invalidQuery = "invalid_query"
    case malformedRequest = "malformed_request"
    case unauthorized = "unauthorized"
    case forbidden = "forbidden"
    case keyNotFound = "key_not_found"
    case routeNotFound = "route_not_found"
    case snapshotsOff = "snapshots_off"
    case sourceNotFound = "source_not_found"
    case methodNotAllowed = "method_not_allowed"
    case notANumber = "not_a_number"
    case overflow = "overflow"
    case leaseLost = "lease_lost"
    case sourceBusy = "source_busy"
    case preconditionFailed = "precondition_failed"
    case valueTooLarge = "value_too_large"
    case bodyTooLarge = "body_too_large"
    case tooManyItems = "too_many_items"
    case keyTooLong = "key_too_long"
    case unsupportedMediaType = "unsupported_media_type"
    case rateLimited = "rate_limited"
    case headersTooLarge = "headers_too_large"
    case overloaded = "overloaded"
    case loading = "loading"
    case draining = "draining"
    case insufficientStorage = "insufficient_storage"
    case snapshotFailed = "snapshot_failed"
    case originFailed = "origin_failed"
    case originUnavailable = "origin_unavailable"
    case originTimeout = "origin_timeout"
    case internalError = "internal_error"
    case sourceFailed = "source_failed"

    var status: Int {
        switch self {
        case .invalidKey, .invalidJSON, .invalidTTL, .invalidTag, .invalidHeader, .invalidBody, .invalidQuery,
            .malformedRequest:
            400
        case .unauthorized: 401
        case .forbidden: 403
        case .keyNotFound, .routeNotFound, .snapshotsOff, .sourceNotFound: 404
        case .methodNotAllowed: 405
        case .notANumber, .overflow, .leaseLost, .sourceBusy: 409
        case .preconditionFailed: 412
        case .valueTooLarge, .bodyTooLarge, .tooManyItems: 413
        case .keyTooLong: 414
        case .unsupportedMediaType: 415
        case .rateLimited: 429
        case .headersTooLarge: 431
        case .snapshotFailed, .internalError: 500
        case .sourceFailed, .originFailed: 502
        case .overloaded, .loading, .draining, .originUnavailable: 503
        case .originTimeout: 504
        case .insufficientStorage: 507
        }
    }

    /// What a library error is to a client.
    init(_ code: CacheError.Code) {
        // The library's codes are the service's slugs, but for what only the configuration or a listing can get wrong.
        self = code == .invalidCursor ? .invalidQuery : ProblemCode(rawValue: code.rawValue) ?? .internalError
    }
}

/// An error on its way to a client, as problem+json (RFC 9457).
struct Problem: Error {
    /// What was wrong with one item of a bulk request.
    struct ItemError {
        /// The item's key, in UTF-8; empty if it has none that can be told.
        var key: [UInt8]
        var code: ProblemCode
        var detail: String
    }

    var code: ProblemCode
    /// What was wrong, where, and what would be right.
    var detail: String
    /// The items that were wrong, of a bulk request.
    var items: [ItemError] = []
    /// The methods to name in `Allow`.
    var allow: [Method] = []
    /// Whether the body was in a coding that is not understood: `Accept-Encoding` says which are (RFC 9110, section 12.5.3).
    var acceptsCodings = false
    /// Whether the body was a patch of a kind that is not understood: `Accept-Patch` says which is (RFC 5789, section 2.2).
    var acceptsPatch = false
    /// What to show to be let in: `WWW-Authenticate`.
    var challenge: String?
    /// After how many seconds it is worth asking again; nil for a second where the status says that it is, else for nothing.
    var retryAfter: Int?
    /// What the response tells of the limit on requests.
    var rateLimit: HeaderFields?

    init(_ code: ProblemCode, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    init(_ error: CacheError) { self.init(ProblemCode(error.code), error.message) }

    var response: Response {
        var body: [UInt8] = []
        body.append("{\"type\":\"about:blank\",\"title\":")
        body.appendJSONString(ReasonPhrase.of(code.status))
        body.append(",\"status\":")
        body.append(decimal: code.status)
        body.append(",\"detail\":")
        body.appendJSONString(detail)
        body.append(",\"code\":")
        body.appendJSONString(code.rawValue)
        if !items.isEmpty {
            body.append(",\"errors\":[")
            for (index, item) in items.enumerated() {
                if index > 0 { body.append(",") }
                body.append("{\"key\":")
                item.key.withUnsafeBytes { body.appendJSONString($0) }
                body.append(",\"code\":")
                body.appendJSONString(item.code.rawValue)
                body.append(",\"detail\":")
                body.appendJSONString(item.detail)
                body.append("}")
            }
            body.append("]")
        }
        body.append("}\n")
        var headers = HeaderFields()
        headers.add("Content-Type", "application/problem+json")
        if !allow.isEmpty { headers.add("Allow", allow.list) }
        if acceptsCodings { headers.add("Accept-Encoding", RequestReading.codingList) }
        if let challenge { headers.add("WWW-Authenticate", challenge) }
        if acceptsPatch { headers.add("Accept-Patch", "\(Route.patchType)") }
        if code.status == 503 || code.status == 429 || retryAfter != nil {
            headers.add("Retry-After", "\(retryAfter ?? 1)")
        }
        if let rateLimit { headers.add(rateLimit) }
        return Response(status: code.status, headers: headers, body: .bytes(body))
    }
}
