internal import Glibc

/// A socket that listens.
///
/// It is opened here, not by libmicrohttpd, so that a failure can say what failed, and why.
struct ListeningSocket {
    let descriptor: CInt
    /// The address as a number, or the path in the file system.
    let address: String
    /// 0 of a socket in the file system.
    let port: Int
    private let unixSocket: UnixSocket?

    init(_ configuration: HTTPServerConfiguration) throws(HTTPServerError) {
        guard let socket = configuration.socket else {
            self = try Self(host: configuration.host, port: configuration.port)
            return
        }
        let unixSocket = try UnixSocket(path: socket.path, mode: mode_t(truncatingIfNeeded: socket.mode))
        self.unixSocket = unixSocket
        descriptor = unixSocket.descriptor
        address = socket.path
        port = 0
    }

    /// What is left in the file system goes.
    func remove() { unixSocket?.remove() }

    private init(host: String, port: Int) throws(HTTPServerError) {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        guard status == 0, let first = found else {
            throw HTTPServerError(
                "cannot listen on \(host) port \(port): the host is not an address of this machine "
                    + "(\(String(cString: gai_strerror(status))))")
        }
        defer { freeaddrinfo(first) }

        // A name may have several addresses: the first that can be had is taken, the first failure told.
        var failure: HTTPServerError?
        var candidate: UnsafeMutablePointer<addrinfo>? = first
        while let current = candidate {
            do throws(HTTPServerError) {
                let descriptor = try Self.open(current.pointee, host: host, port: port)
                self = try Self(listening: descriptor)
                return
            } catch {
                failure = failure ?? error
            }
            candidate = current.pointee.ai_next
        }
        throw failure ?? HTTPServerError("cannot listen on \(host) port \(port): it has no address")
    }

    private init(listening descriptor: CInt) throws(HTTPServerError) {
        self.descriptor = descriptor
        unixSocket = nil
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let status = withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                getsockname(descriptor, address, &length) == 0
                    ? getnameinfo(
                        address, length, &name, socklen_t(name.count), &service, socklen_t(service.count),
                        NI_NUMERICHOST | NI_NUMERICSERV) : EAI_SYSTEM
            }
        }
        func text(_ characters: [CChar]) -> String {
            String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        guard status == 0, let port = Int(text(service)) else {
            close(descriptor)
            throw HTTPServerError("cannot tell the address that was bound: \(String(cString: gai_strerror(status)))")
        }
        self.address = text(name)
        self.port = port
    }

    private static func open(_ address: addrinfo, host: String, port: Int) throws(HTTPServerError) -> CInt {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.ai_family, type, address.ai_protocol)
        guard descriptor >= 0 else { throw failure("open a socket for", host, port) }
        // A server that is started anew must not wait for the old one's connections to be forgotten.
        var yes: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        guard bind(descriptor, address.ai_addr, address.ai_addrlen) == 0 else {
            let error = failure("listen on", host, port)
            close(descriptor)
            throw error
        }
        guard listen(descriptor, backlog) == 0 else {
            let error = failure("listen on", host, port)
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// How many connections may wait to be accepted; the system cuts it to its own bound.
    private static let backlog: CInt = 4096

    private static func failure(_ action: String, _ host: String, _ port: Int) -> HTTPServerError {
        HTTPServerError("cannot \(action) \(host) port \(port): \(String(cString: strerror(errno)))")
    }
}
