import Foundation

extension Peer {
    /// Redis behind Webdis, the HTTP server made for it.
    ///
    /// A GET names the type of its answer, so that it gets the value as it is, with `application/json`, and a 404 if
    /// there is none: what the cache answers, and no slower than Webdis' own format, a value quoted within JSON. That
    /// is what mget has to take.
    static let webdisRedis = Peer(
        id: .webdisRedis,
        title: "Webdis + Redis",
        programs: [.webdis, .redisServer],
        start: { environment in
            let (redis, storePort) = try startRedis(environment)
            let port = try Loopback.freePort()
            let configuration = try environment.write(
                """
                {
                    "redis_host": "127.0.0.1", "redis_port": \(storePort),
                    "http_host": "127.0.0.1", "http_port": \(port), "threads": \(environment.cores),
                    "daemonize": false, "websockets": false, "verbosity": 0,
                    "logfile": "\(environment.file("webdis.log").path)", "pidfile": "\(environment.file("webdis.pid").path)"
                }

                """, to: "webdis-\(port).json")
            let webdis = try environment.start(.webdis, [configuration.path], port: port)
            // It listens before it has its connections to Redis.
            try environment.waitUntil(webdis, answersWithin: .seconds(10)) {
                var connection = try TCPConnection(port: port)
                let reply = try connection.exchange(HTTPRequest(method: "GET", target: "/PING"), port: port)
                guard reply.status == 200 else { throw BenchmarkError("PING answers \(reply.status)") }
            }
            return Deployment(processes: [webdis, redis], port: port, store: .redis(port: storePort))
        },
        load: { scenario, workload in
            let type = "?type=application/json"
            switch scenario {
            case .getHit:
                let requests = workload.order.map {
                    HTTPRequest(method: "GET", target: "/GET/\(workload.key($0))\(type)")
                }
                return .http(requests, expecting: Expectation([200]) { $0 == workload.value(workload.order[0]) })
            case .getMiss:
                return absentKeyReads(workload, prefix: "/GET/", suffix: type)
            case .put:
                let requests = workload.order.map {
                    HTTPRequest(method: "PUT", target: "/SET/\(workload.key($0))", body: workload.value($0))
                }
                return .http(requests, expecting: Expectation([200]) { $0 == #"{"SET":[true,"OK"]}"# })
            case .mget:
                let requests = workload.batches.map { batch in
                    HTTPRequest(method: "GET", target: "/MGET/" + batch.map(workload.key).joined(separator: "/"))
                }
                return .http(requests, expecting: Expectation([200]) { holdsFirstBatch($0, of: workload) })
            case .getLarge:
                return nil
            case .mput:
                let requests = workload.batches.map { batch in
                    let words = batch.flatMap { [workload.key($0), workload.value($0)] }
                    return HTTPRequest(method: "POST", target: "/", body: "MSET/" + words.joined(separator: "/"))
                }
                return .http(requests, expecting: Expectation([200]) { $0 == #"{"MSET":[true,"OK"]}"# })
            }
        })

    /// Redis without HTTP: its own protocol and its own load generator.
    static let redisBenchmark = Peer(
        id: .redisBenchmark,
        title: "Redis, by redis-benchmark",
        programs: [.redisServer, .redisBenchmark],
        start: { environment in
            let (redis, port) = try startRedis(environment)
            return Deployment(processes: [redis], port: port, store: .redis(port: port))
        },
        load: { scenario, workload in
            let key = "key:__rand_int__"
            let value = workload.value(0)
            return switch scenario {
            case .getHit: .redis(["GET", key])
            case .getMiss: .redis(["GET", "nil:__rand_int__"])
            case .put: .redis(["SET", key, value])
            case .getLarge: nil
            case .mget: .redis(["MGET"] + Array(repeating: key, count: Workload.batchSize))
            case .mput: .redis(["MSET"] + Array(repeating: [key, value], count: Workload.batchSize).flatMap { $0 })
            }
        })

    /// Starts Redis as a cache: in memory alone.
    static func startRedis(_ environment: RunEnvironment) throws -> (ChildProcess, port: Int) {
        let port = try Loopback.freePort()
        let process = try environment.start(
            .redisServer,
            [
                "--bind", "127.0.0.1", "--port", "\(port)", "--save", "", "--appendonly", "no",
                "--dir", environment.directory.path, "--loglevel", "warning",
            ], port: port)
        return (process, port)
    }

    private static func holdsFirstBatch(_ body: String, of workload: Workload) -> Bool {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any],
            let values = object["MGET"] as? [String]
        else { return false }
        return values == workload.batches[0].map(workload.value)
    }
}
