import Glibc

/// TCP ports of 127.0.0.1.
enum Loopback {
    /// A port that nobody listens on.
    ///
    /// It is below the range from which the kernel takes the ports of outgoing connections: a client that tries a
    /// port of that range again and again until its server listens can be given the very same port as its own, and
    /// then is connected to itself.
    static func freePort() throws -> Int {
        for _ in 0..<1000 {
            let port = Int.random(in: 15_000..<32_000)
            if try isFree(port) { return port }
        }
        throw BenchmarkError("no free port on 127.0.0.1 between 15000 and 32000")
    }

    private static func isFree(_ port: Int) throws -> Bool {
        let descriptor = try makeSocket()
        defer { close(descriptor) }
        return withAddress(port) { bind(descriptor, $0, $1) } == 0
    }

    static func makeSocket() throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw BenchmarkError("cannot open a socket", errno: errno) }
        return descriptor
    }

    static func withAddress<Result>(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            // A socket address of any family is passed under its common head, `sockaddr`.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
