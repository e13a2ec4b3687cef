import Foundation

extension Peer {
    /// The cache itself, with the options that it has when none are given.
    static let productionCache = Peer(
        id: .productionCache,
        title: "Production Cache",
        start: { try startProductionCache($0) },
        load: { scenario, workload in
            switch scenario {
            case .getHit:
                return keyReads(workload)
            case .getMiss:
                return absentKeyReads(workload, prefix: "/keys/")
            case .put:
                let requests = workload.order.map {
                    HTTPRequest(method: "PUT", target: "/keys/\(workload.key($0))", body: workload.value($0))
                }
                return .http(requests, expecting: Expectation([201, 204]))
            case .mget:
                let requests = workload.batches.map { batch in
                    let keys = batch.map { "\"\(workload.key($0))\"" }.joined(separator: ",")
                    return HTTPRequest(method: "POST", target: "/mget", body: #"{"keys":[\#(keys)]}"#)
                }
                return .http(requests, expecting: Expectation([200]) { holdsFirstBatch($0, of: workload) })
            case .getLarge:
                return largeRead("/keys/\(Workload.largeKey)")
            case .mput:
                let requests = workload.batches.map { batch in
                    let items = batch.map { "\"\(workload.key($0))\":\(workload.value($0))" }.joined(separator: ",")
                    return HTTPRequest(method: "POST", target: "/mput", body: #"{"items":{\#(items)}}"#)
                }
                let stored = #"{"stored":\#(Workload.batchSize)}"#
                return .http(requests, expecting: Expectation([200]) { $0.hasPrefix(stored) })
            }
        })

    /// The cache with a line in a file for each request, which is to cost little.
    static let loggingCache = Peer(
        id: .loggingCache,
        title: "the same, with an access log",
        start: { environment in
            let log = environment.file("access.log").path
            return try startProductionCache(environment, options: ["--access-log", "json", "--access-log-file", log])
        },
        load: { scenario, workload in scenario == .getHit ? keyReads(workload) : nil })

    /// Starts the cache.
    ///
    /// - Parameter options: Options in the place of defaults.
    static func startProductionCache(_ environment: RunEnvironment, options: [String] = []) throws -> Deployment {
        let port = try Loopback.freePort()
        let server = try environment.start(
            environment.cacheServer, ["--host", "127.0.0.1", "--port", "\(port)"] + options, port: port)
        return Deployment(processes: [server], port: port, store: .productionCache(port: port))
    }

    /// Reads of the one large value.
    static func largeRead(_ target: String) -> Load {
        .http(
            [HTTPRequest(method: "GET", target: target)],
            expecting: Expectation([200]) { $0 == Workload.largeValue })
    }

    /// Reads of all keys at the cache's own URLs, answered with the value itself.
    static func keyReads(_ workload: Workload) -> Load {
        let requests = workload.order.map { HTTPRequest(method: "GET", target: "/keys/\(workload.key($0))") }
        return .http(requests, expecting: Expectation([200]) { $0 == workload.value(workload.order[0]) })
    }

    /// Reads of keys that nobody stored.
    static func absentKeyReads(_ workload: Workload, prefix: String, suffix: String = "") -> Load {
        let requests = workload.order.map {
            HTTPRequest(method: "GET", target: prefix + workload.absentKey($0) + suffix)
        }
        return .http(requests, expecting: Expectation([404]))
    }

    private static func holdsFirstBatch(_ body: String, of workload: Workload) -> Bool {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any],
            let values = object["values"] as? [String: Any], let missing = object["missing"] as? [Any]
        else { return false }
        return missing.isEmpty && Set(values.keys) == Set(workload.batches[0].map(workload.key))
            && workload.batches[0].allSatisfy { body.contains(workload.value($0)) }
    }
}
