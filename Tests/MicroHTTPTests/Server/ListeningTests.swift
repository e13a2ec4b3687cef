internal import Foundation
internal import MicroHTTP
internal import Testing

/// Where a server listens, and what it says when it cannot.
struct ListeningTests {
    private func start(_ configuration: HTTPServerConfiguration) throws(HTTPServerError) -> HTTPServer {
        try HTTPServer(configuration, handler: TestHandler())
    }

    private func reason(_ configuration: HTTPServerConfiguration) -> String {
        do throws(HTTPServerError) {
            try start(configuration).stop()
            return "it started"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: ["127.0.0.1", "localhost", "0.0.0.0"])
    func tellsTheAddressAndThePort(host: String) throws {
        let server = try start(HTTPServerConfiguration(host: host, port: 0))
        defer { server.stop() }
        #expect((1...65535).contains(server.port))
        #expect(host == "localhost" ? ["127.0.0.1", "::1"].contains(server.address) : server.address == host)
        if server.address != "::1" { #expect(try server.ask(get("/")).status == 200) }
    }

    @Test func listensOnIPv6() throws {
        for host in ["::1", "::"] {
            let server: HTTPServer
            do throws(HTTPServerError) {
                server = try start(HTTPServerConfiguration(host: host, port: 0))
            } catch {
                // A machine without IPv6 says so, and of what.
                #expect(
                    "\(error)".hasPrefix("cannot listen on \(host) port 0: ") || "\(error)".hasPrefix("cannot open"))
                continue
            }
            defer { server.stop() }
            #expect(server.address == host)
            let connection = try TestConnection(port: server.port, host: "::1")
            try connection.send(get("/six"))
            #expect(try connection.readReply().text == "GET /six ")
        }
    }

    @Test func aPortInUseIsSaidToBe() throws {
        let first = try start(HTTPServerConfiguration(port: 0))
        defer { first.stop() }
        #expect(
            reason(HTTPServerConfiguration(port: first.port))
                == "cannot listen on 127.0.0.1 port \(first.port): Address already in use")
        #expect(try first.ask(get("/")).status == 200)
    }

    @Test func anAddressOfAnotherMachineIsSaidToBe() {
        // An address for documentation (RFC 5737), which no machine has.
        #expect(
            reason(HTTPServerConfiguration(host: "192.0.2.1", port: 0))
                == "cannot listen on 192.0.2.1 port 0: Cannot assign requested address")
    }

    @Test(arguments: ["no such host.invalid", "", "999.1.1.1", "127.0.0.1:80", "[::1]"])
    func aHostThatIsNoneIsSaidToBe(host: String) {
        let reason = reason(HTTPServerConfiguration(host: host, port: 0))
        #expect(reason.hasPrefix("cannot listen on \(host) port 0: the host is not an address of this machine ("))
    }

    @Test func whatIsOutOfRangeIsNamed() {
        for port in [-1, 65536, Int.max, Int.min] {
            #expect(reason(HTTPServerConfiguration(port: port)) == "the port is \(port); it must be from 0 to 65535")
        }
        for threads in [0, -1, 1025, Int.max] {
            #expect(
                reason(HTTPServerConfiguration(port: 0, threads: threads, maxConnections: Int(Int32.max)))
                    == "the number of threads is \(threads); it must be from 1 to 1024")
        }
        for connections in [0, 3, -1, Int.min, Int.max] {
            #expect(
                reason(HTTPServerConfiguration(port: 0, threads: 4, maxConnections: connections))
                    .hasPrefix("the most connections are \(connections); "))
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-1), .milliseconds(1), .seconds(1 << 40), .seconds(Int64.max)])
    func anyIdleTimeoutWillDo(timeout: Duration) throws {
        let server = try start(HTTPServerConfiguration(port: 0, idleTimeout: timeout))
        defer { server.stop() }
        #expect(try server.ask(get("/")).status == 200)
    }
}

/// A socket in the file system.
struct UnixSocketTests {
    private let folder: URL
    private var path: String { folder.appending(path: "s.sock").path }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "sock-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func start(mode: Int = 0o660, path: String? = nil) throws(HTTPServerError) -> HTTPServer {
        var configuration = HTTPServerConfiguration()
        configuration.socket = .init(path: path ?? self.path, mode: mode)
        return try HTTPServer(configuration, handler: TestHandler())
    }

    private func reason(_ path: String? = nil) -> String {
        do throws(HTTPServerError) {
            try start(path: path).stop()
            return "it started"
        } catch {
            return "\(error)"
        }
    }

    @Test func isThereWhileItListens() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try start(mode: 0o600)
        #expect(server.address == path && server.port == 0)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(attributes[.type] as? FileAttributeType == .typeSocket)
        #expect(reason() == "cannot listen on the socket \(path): another server listens on it")
        #expect(FileManager.default.fileExists(atPath: path))
        server.stop()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func anotherFileIsLeftAlone() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("x".utf8).write(to: URL(filePath: path))
        #expect(reason() == "cannot listen on the socket \(path): there is a file of this name that is no socket")
        #expect(try Data(contentsOf: URL(filePath: path)) == Data("x".utf8))
    }

    /// What has come in its place since it began to listen is another's.
    @Test func itsSuccessorIsLeftAlone() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try start()
        try FileManager.default.removeItem(atPath: path)
        let second = try start()
        first.stop()
        #expect(FileManager.default.fileExists(atPath: path))
        second.stop()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aPathThatCannotBeIsRefused() {
        defer { try? FileManager.default.removeItem(at: folder) }
        let long = "/tmp/" + String(repeating: "x", count: 103)
        #expect(reason(long) == "cannot listen on the socket \(long): the path has 108 bytes; it must have 1 to 107")
        #expect(
            reason("\(folder.path)/no/s")
                == "cannot listen on the socket \(folder.path)/no/s: No such file or directory")
    }
}
