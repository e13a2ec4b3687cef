import Foundation

extension Peer {
    /// nginx answering from its configuration.
    static let nginx = Peer(
        id: .nginx,
        title: "nginx `return 200`",
        programs: [.nginx],
        start: { environment in
            let value = Workload(seed: 0).value(0)
            let (process, port) = try startNginx(environment, locations: "location / { return 200 '\(value)'; }")
            return Deployment(processes: [process], port: port, store: .none)
        },
        load: { scenario, workload in
            fixedAnswer(scenario, workload)
        })

    /// nginx answering from a file, which the kernel copies to the socket by itself.
    static let nginxFile = Peer(
        id: .nginxFile,
        title: "nginx, file by sendfile",
        programs: [.nginx],
        start: { environment in
            try environment.write(Workload.largeValue, to: "\(Workload.largeKey).json")
            let (process, port) = try startNginx(
                environment, locations: "location / { root \(environment.directory.path); sendfile on; }")
            return Deployment(processes: [process], port: port, store: .none)
        },
        load: { scenario, _ in
            scenario == .getLarge ? largeRead("/\(Workload.largeKey).json") : nil
        })

    /// nginx reading from memcached, over connections that it keeps.
    static let nginxMemcached = Peer(
        id: .nginxMemcached,
        title: "nginx + memcached",
        programs: [.nginx, .memcached],
        start: { environment in
            let (memcached, storePort) = try startMemcached(environment)
            let (nginx, port) = try startNginx(
                environment,
                upstream: """
                    upstream memcached {
                        server 127.0.0.1:\(storePort);
                        keepalive 64;
                        keepalive_requests 1000000000;
                    }
                    """,
                locations: "location / { set $memcached_key $uri; memcached_pass memcached; }")
            return Deployment(
                processes: [nginx, memcached], port: port, store: .memcached(port: storePort, keyPrefix: "/keys/"))
        },
        load: { scenario, workload in
            switch scenario {
            case .getHit: keyReads(workload)
            case .getMiss: absentKeyReads(workload, prefix: "/keys/")
            case .put, .mget, .mput, .getLarge: nil
            }
        })

    /// Starts memcached with a thread a core.
    ///
    /// - Parameter options: Further options.
    static func startMemcached(
        _ environment: RunEnvironment, options: [String] = []
    ) throws -> (ChildProcess, port: Int) {
        let port = try Loopback.freePort()
        // Without a user to become, memcached does not run as root.
        let process = try environment.start(
            .memcached,
            ["-u", "nobody", "-l", "127.0.0.1", "-p", "\(port)", "-U", "0", "-t", "\(environment.cores)"] + options,
            port: port)
        return (process, port)
    }

    /// Starts nginx with a worker a core, connections without end and no access log.
    private static func startNginx(
        _ environment: RunEnvironment, upstream: String = "", locations: String
    ) throws -> (ChildProcess, port: Int) {
        let port = try Loopback.freePort()
        let directory = environment.directory.path
        let temporaryPaths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(directory)/nginx-\(port)-\($0);" }
        let configuration = try environment.write(
            """
            daemon off;
            worker_processes \(environment.cores);
            pid \(directory)/nginx-\(port).pid;
            error_log stderr;
            events { worker_connections 1024; }
            http {
                access_log off;
                default_type application/json;
                keepalive_requests 1000000000;
                \(temporaryPaths.joined(separator: "\n    "))
                \(upstream)
                server {
                    listen 127.0.0.1:\(port);
                    \(locations)
                }
            }

            """, to: "nginx-\(port).conf")
        let process = try environment.start(
            .nginx, ["-e", "stderr", "-p", directory, "-c", configuration.path], port: port)
        return (process, port)
    }
}
