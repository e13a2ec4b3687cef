internal import Foundation
internal import Threading

/// A server as bad as a test wants it: each connection is a script that runs on a thread of its own.
package final class RawServer: Sendable {
    package let port: Int
    private let listener: CInt
    private let state = Locked(State())

    private struct State {
        var accepted = 0
        var isStopped = false
        var connections: [RawConnection] = []
    }

    /// - Parameter script: What a connection does, told the number of the connection, from 0; it is closed when the script returns or throws.
    package init(_ script: @escaping @Sendable (RawConnection, Int) throws -> Void) throws {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 1024) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        guard listener >= 0, isBound else { throw RawConnection.Failure() }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { return }
                let connection = RawConnection(descriptor)
                let number: Int? = state.withLock { state in
                    guard !state.isStopped else { return nil }
                    state.connections.append(connection)
                    state.accepted += 1
                    return state.accepted - 1
                }
                guard let number else { return }
                Thread.detachNewThread {
                    // A script that fails is a connection that ends.
                    do { try script(connection, number) } catch {}
                    connection.close()
                }
            }
        }
    }

    /// How many connections have been accepted.
    package var acceptedCount: Int { state.withLock { $0.accepted } }

    package func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    package func stop() {
        let connections = state.withLock { state in
            state.isStopped = true
            return state.connections
        }
        shutdown(listener, CInt(SHUT_RDWR))
        for connection in connections { connection.end() }
    }
}

/// A connection of a raw server. It blocks.
package final class RawConnection: Sendable {
    package struct Failure: Error {}

    private let descriptor: CInt
    private let isClosed = Locked(false)

    init(_ descriptor: CInt) { self.descriptor = descriptor }

    /// The next request's head, its lines.
    package func readHead() throws -> [String] {
        var lines: [String] = []
        while true {
            let line = try readLine()
            if line.isEmpty { return lines }
            lines.append(line)
        }
    }

    /// The next line, without its end.
    package func readLine() throws -> String {
        var bytes: [UInt8] = []
        while !bytes.suffix(2).elementsEqual("\r\n".utf8) { bytes.append(try readByte()) }
        return String(decoding: bytes.dropLast(2), as: UTF8.self)
    }

    package func readByte() throws -> UInt8 {
        var byte: UInt8 = 0
        guard recv(descriptor, &byte, 1, 0) == 1 else { throw Failure() }
        return byte
    }

    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            sent += try bytes.withUnsafeBytes { try sendSome(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
        }
    }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// An answer with this body.
    package func answer(_ body: String, status: String = "200 OK", headers: String = "") throws {
        try send("HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// - Parameter seconds: How long to wait for the client to read.
    /// - Returns: How many bytes were taken; 0 if none were.
    package func sendSome(_ bytes: UnsafeRawBufferPointer, within seconds: Int = 1) throws -> Int {
        var patience = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
        guard count >= 0 || errno == EAGAIN else { throw Failure() }
        return max(0, count)
    }

    /// Waits until the client goes away.
    package func awaitEnd() {
        var byte: UInt8 = 0
        while recv(descriptor, &byte, 1, 0) > 0 {}
    }

    /// Lets the connection end with a reset.
    package func dieHard() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    /// Wakes whoever is blocked on it.
    func end() { isClosed.withLock { if !$0 { _ = shutdown(descriptor, CInt(SHUT_RDWR)) } } }

    func close() {
        isClosed.withLock { isClosed in
            guard !isClosed else { return }
            isClosed = true
            _ = Glibc.close(descriptor)
        }
    }
}
