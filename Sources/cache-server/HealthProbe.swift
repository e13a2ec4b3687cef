import Glibc

/// Asks a server on this machine for `/readyz`.
struct HealthProbe: Sendable, Equatable {
    /// Why the server is not ready, or cannot be asked.
    struct Failure: Error, Equatable {
        let reason: String
    }

    let host: String
    let port: Int
    /// The path of the socket that is asked in the place of the address; nil for none.
    let socket: String?
    let speaksTLS: Bool

    /// A probe for a server that listens on `listeningHost`: an address that means every one is asked at the loopback one.
    init(socket: String? = nil, speaksTLS: Bool = false, listeningHost: String, port: Int) {
        self.socket = socket
        self.speaksTLS = speaksTLS
        host = ["0.0.0.0": "127.0.0.1", "::": "::1"][listeningHost] ?? listeningHost
        self.port = port
    }

    /// What is asked, for a message.
    var target: String { socket ?? "\(host), port \(port)" }

    /// Returns if the server answers 200 in time. Blocks the thread for `timeout` at most, looking up a name aside.
    func run(timeout: Duration) throws(Failure) {
        guard socket != nil || port != 0 else {
            throw Failure(reason: "port 0 is a free one that only the server knows")
        }
        let deadline = ContinuousClock.now + timeout
        let descriptor = if let socket { try connected(toSocket: socket, deadline) } else { try connected(deadline) }
        defer { close(descriptor) }
        let link = ProbeLink(descriptor, deadline)
        if speaksTLS { try ask(over: ProbeTLS(link)) } else { try ask(over: link) }
    }

    private func ask(over stream: some ProbeStream) throws(Failure) {
        let request =
            "GET /readyz HTTP/1.1\r\nHost: \(host.contains(":") ? "[\(host)]" : host):\(port)\r\n"
            + "Connection: close\r\n\r\n"
        var rest = Array(request.utf8)[...]
        while !rest.isEmpty { rest = rest.dropFirst(try stream.send(rest)) }
        let words = try statusLine(from: stream).split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1.") else { throw Failure(reason: "the answer is not HTTP") }
        guard words[1] == "200" else { throw Failure(reason: "the answer is \(words[1])") }
    }

    private func connected(toSocket path: String, _ deadline: ContinuousClock.Instant) throws(Failure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Failure(reason: "the path is too long")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = Glibc.socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(reason: SystemError.last.description) }
        // The address outlives the call; a sockaddr_un is a sockaddr of its size.
        let status = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else {
            let failure = Failure(reason: SystemError.last.description)
            close(descriptor)
            throw failure
        }
        return descriptor
    }

    /// A socket that is connected to the first of the host's addresses that takes a connection.
    private func connected(_ deadline: ContinuousClock.Instant) throws(Failure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else { throw Failure(reason: String(cString: gai_strerror(status))) }
        // The list is the system's until it is freed, and no part of it is kept beyond that.
        defer { freeaddrinfo(list) }
        var failure = Failure(reason: "no address")
        var next = list
        while let address = next?.pointee {
            next = address.ai_next
            let descriptor = Glibc.socket(
                address.ai_family, address.ai_socktype | Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else {
                failure = Failure(reason: SystemError.last.description)
                continue
            }
            do throws(Failure) {
                try connect(descriptor, to: address, deadline)
                return descriptor
            } catch {
                close(descriptor)
                failure = error
            }
        }
        throw failure
    }

    private func connect(_ descriptor: Int32, to address: addrinfo, _ deadline: ContinuousClock.Instant) throws(Failure)
    {
        if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return }
        guard errno == EINPROGRESS else { throw Failure(reason: SystemError.last.description) }
        try ProbeLink(descriptor, deadline).wait(for: POLLOUT)
        var error: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0, error == 0 else {
            throw Failure(reason: SystemError(number: error).description)
        }
    }

    /// The first line of the answer, which has to end within its first 256 bytes.
    private func statusLine(from stream: some ProbeStream) throws(Failure) -> String {
        var answer: [UInt8] = []
        while true {
            if let end = answer.firstIndex(of: UInt8(ascii: "\r")) {
                return String(decoding: answer[..<end], as: UTF8.self)
            }
            guard answer.count < 256 else { throw Failure(reason: "the answer is not HTTP") }
            let piece = try stream.receive(256)
            guard !piece.isEmpty else { throw Failure(reason: "the connection was closed without an answer") }
            answer += piece
        }
    }
}
