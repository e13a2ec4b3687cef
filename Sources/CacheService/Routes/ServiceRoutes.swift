internal import CacheCore
internal import MicroHTTP

/// `/livez`, `/readyz`, `/openapi.yaml` and the index.
extension CacheService {
    func live() -> Response { .json("{\"status\":\"ok\"}\n") }

    func ready() throws(Problem) -> Response {
        if isDraining { throw Problem(.draining, "the server is stopping; ask another one") }
        if let loading = snapshots?.state.loading {
            let percent = loading.bytesTotal == 0 ? 0 : loading.bytesDone * 100 / loading.bytesTotal
            throw Problem(
                .loading,
                "the snapshot is being loaded: \(percent) % of \(loading.bytesTotal) bytes, \(loading.loaded) entries so far"
            )
        }
        if let warmer, warmer.isStarting {
            let statuses = warmer.statuses
            let ended = statuses.count { $0.state == .done || $0.state == .failed }
            let running = statuses.first { $0.state == .running }
            throw Problem(
                .loading,
                "the cache is being filled: \(ended) of \(statuses.count) sources are read"
                    + (running.map { ", \($0.source) has brought \($0.loaded) entries so far" } ?? ""))
        }
        return live()
    }

    func contract() -> Response {
        var headers = HeaderFields()
        headers.add("Content-Type", "application/yaml")
        return Response(status: 200, headers: headers, body: .bytes(PackageResources.openapi_yaml))
    }

    func index() -> Response {
        var body: [UInt8] = []
        body.append("{\"name\":\"production-cache\",\"version\":")
        body.appendJSONString(version)
        body.append(",\"routes\":[")
        for (index, route) in Route.allCases.filter({ $0 != .unmatched }).enumerated() {
            if index > 0 { body.append(",") }
            body.append("{\"path\":")
            body.appendJSONString("\(route.pattern)")
            body.append(",\"methods\":[")
            for (index, method) in route.allowed.enumerated() {
                if index > 0 { body.append(",") }
                body.appendJSONString("\(method.name)")
            }
            body.append("]}")
        }
        body.append("]}\n")
        return .json(body)
    }
}

extension Response {
    static func json(_ body: [UInt8]) -> Response {
        var headers = HeaderFields()
        headers.add("Content-Type", "application/json")
        return Response(status: 200, headers: headers, body: .bytes(body))
    }

    static func json(_ text: StaticString) -> Response {
        var body: [UInt8] = []
        body.append(text)
        return json(body)
    }

    /// An object of one count.
    static func json(_ count: KeyValuePairs<StaticString, Int>) -> Response {
        var body: [UInt8] = []
        body.append("{")
        for (index, (name, number)) in count.enumerated() {
            if index > 0 { body.append(",") }
            body.append("\"")
            body.append(name)
            body.append("\":")
            body.append(decimal: number)
        }
        body.append("}\n")
        return json(body)
    }
}
