extension Peer {
    /// libmicrohttpd without a cache behind it: the floor under every answer of the service.
    static let bareResponder = Peer(
        id: .bareResponder,
        title: "bare libmicrohttpd (C)",
        start: { environment in
            let port = try Loopback.freePort()
            let server = try environment.start(
                environment.bareResponder, ["--port", "\(port)", "--threads", "\(environment.cores)"], port: port)
            return Deployment(processes: [server], port: port, store: .none)
        },
        load: { scenario, workload in
            fixedAnswer(scenario, workload)
        })

    /// The reads of keys as they go to a server that answers each with the same value.
    static func fixedAnswer(_ scenario: Scenario, _ workload: Workload) -> Load? {
        guard scenario == .getHit, case .http(let requests, _) = keyReads(workload) else { return nil }
        return .http(requests, expecting: Expectation([200]) { $0.utf8.count == Workload.valueBytes })
    }
}
