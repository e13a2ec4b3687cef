internal import Glibc

/// A client's connection, as raw as a test needs it: bytes are sent as they are told, and a broken connection can be a thing
/// that is tested.
///
/// It blocks. Every wait ends after ``patience``, so that a server that does not answer fails a test instead of hanging it.
final class TestConnection {
    /// What went wrong with a connection that should have gone right.
    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    private let descriptor: CInt
    /// What was received and not yet read as a part of a reply.
    private var received: [UInt8] = []
    // Allocated here, freed in deinit.
    private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 1)

    private static let patience = 60

    /// Connects to a server on this machine.
    ///
    /// - Parameters:
    ///   - port: Where it listens.
    ///   - host: A numeric address.
    ///   - receiveBuffer: How much the system may buffer for the client, about; nil for as much as it likes.
    init(port: Int, host: String = "127.0.0.1", receiveBuffer: CInt? = nil) throws {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found else {
            throw Failure("\(host) is no address")
        }
        defer { freeaddrinfo(address) }
        descriptor = socket(address.pointee.ai_family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure("cannot open a socket: \(Self.lastError)") }
        var timeout = timeval(tv_sec: Self.patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<CInt>.size))
        }
        guard connect(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 else {
            throw Failure("cannot connect to \(host) port \(port): \(Self.lastError)")
        }
        // Bytes are to arrive in the pieces that a test sends.
        var yes: CInt = 1
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
    }

    deinit {
        close(descriptor)
        piece.deallocate()
    }

    // MARK: Sending

    /// Sends all of the bytes.
    func send(_ bytes: [UInt8]) throws {
        let count = sendAsMuchAsTaken(bytes)
        guard count == bytes.count else {
            throw Failure("the server took \(count) of \(bytes.count) bytes: \(Self.lastError)")
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends until all is sent or the connection is broken, and tells how much was taken.
    @discardableResult
    func sendAsMuchAsTaken(_ bytes: [UInt8]) -> Int {
        var count = 0
        while count < bytes.count {
            let sent = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + count, bytes.count - count, CInt(MSG_NOSIGNAL))
            }
            guard sent > 0 else { break }
            count += sent
        }
        return count
    }

    /// Says that nothing more will be sent.
    func finishSending() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Lets the connection die the hard way when this is released: with a reset, not in good order.
    func dieHard() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    // MARK: Receiving

    /// Reads a reply, interim ones (1xx) included.
    ///
    /// - Parameter isToHead: Whether it answers a HEAD request, so that no body comes.
    func readReply(toHead isToHead: Bool = false) throws -> TestReply {
        while received.firstRange(of: Self.endOfHead) == nil { try receiveMore(for: "a reply's head") }
        let end = received.firstRange(of: Self.endOfHead)!.upperBound
        var reply = try TestReply(head: String(decoding: received[..<end], as: UTF8.self))
        received.removeFirst(end)
        guard !isToHead, reply.status >= 200, reply.status != 204, reply.status != 304 else { return reply }
        if reply["Transfer-Encoding"] == "chunked" {
            reply.body = try readChunks()
        } else if let count = reply["Content-Length"].flatMap({ Int($0) }) {
            reply.body = try read(count)
        } else {
            reply.body = try readToEnd()
        }
        return reply
    }

    /// Reads exactly so many bytes.
    func read(_ count: Int) throws -> [UInt8] {
        while received.count < count { try receiveMore(for: "\(count) bytes") }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    /// Reads until the server ends the connection, in good order or not.
    func readToEnd() throws -> [UInt8] {
        while true {
            let count = receive()
            if count == 0 || count < 0 && errno == ECONNRESET { break }
            guard count > 0 else { throw Failure("waited in vain for the end of the connection: \(Self.lastError)") }
        }
        defer { received = [] }
        return received
    }

    private func readChunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            while received.firstRange(of: Self.lineEnd) == nil { try receiveMore(for: "the size of a chunk") }
            let line = received.firstRange(of: Self.lineEnd)!
            guard let count = Int(String(decoding: received[..<line.lowerBound], as: UTF8.self), radix: 16) else {
                throw Failure("a chunk has no size: \(String(decoding: received.prefix(20), as: UTF8.self))")
            }
            received.removeFirst(line.upperBound)
            body += try read(count)
            guard try read(2) == Self.lineEnd else { throw Failure("a chunk has no end") }
            if count == 0 { return body }
        }
    }

    private func receiveMore(for what: String) throws {
        let count = receive()
        guard count != 0 else {
            let rest = String(decoding: received.prefix(200), as: UTF8.self)
            throw Failure("the server ended the connection where \(what) was expected, after: \(rest)")
        }
        guard count > 0 else { throw Failure("waited in vain for \(what): \(Self.lastError)") }
    }

    /// What `recv` returned; the bytes are added to those received.
    private func receive() -> Int {
        let count = recv(descriptor, piece.baseAddress, piece.count, 0)
        // In one go: a body of many megabytes is copied byte by byte in a debug build otherwise.
        if count > 0 { received.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[..<count])) }
        return count
    }

    private static var lastError: String { String(cString: strerror(errno)) }
    private static let endOfHead = Array("\r\n\r\n".utf8)
    private static let lineEnd = Array("\r\n".utf8)
}
