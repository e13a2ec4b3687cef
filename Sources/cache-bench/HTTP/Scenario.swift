/// One kind of request, measured on every system that has a counterpart of it.
enum Scenario: String, CaseIterable, Codable, Sendable {
    case getHit = "get-hit"
    case getMiss = "get-miss"
    case put
    case mget
    case mput
    case getLarge = "get-large"

    var title: String {
        switch self {
        case .getHit: "GET hit"
        case .getMiss: "GET miss"
        case .put: "PUT"
        case .mget: "mget of \(Workload.batchSize)"
        case .mput: "mput of \(Workload.batchSize)"
        case .getLarge: "GET of 1 MiB"
        }
    }

    /// Keys that one request reads or writes.
    var keysPerRequest: Int {
        switch self {
        case .getHit, .getMiss, .put, .getLarge: 1
        case .mget, .mput: Workload.batchSize
        }
    }

    /// What a store must have counted for the requests of a run.
    var lookups: KeyStore.Outcome? {
        switch self {
        case .getHit, .mget, .getLarge: .hits
        case .getMiss: .misses
        case .put, .mput: nil
        }
    }
}
