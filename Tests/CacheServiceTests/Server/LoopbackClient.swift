internal import Glibc

/// Sends requests to a server of this machine, each on the connection of the one before, and reads answers to their end.
final class LoopbackClient {
    struct Failure: Error { let what: String }

    private let descriptor: CInt
    private var received: [UInt8] = []

    init(port: Int) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(what: "cannot connect: \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// - Returns: The head of the answer as text, and its body.
    func ask(
        _ method: String, _ target: String, body: [UInt8] = [], headers: String = ""
    ) throws -> (head: String, body: [UInt8]) {
        let length = body.isEmpty ? "" : "Content-Length: \(body.count)\r\n"
        let request = Array("\(method) \(target) HTTP/1.1\r\nHost: test\r\n\(length)\(headers)\r\n".utf8) + body
        let sent = request.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        guard sent == request.count else { throw Failure(what: "sent \(sent) of \(request.count) bytes") }
        let head = String(decoding: try take(through: "\r\n\r\n"), as: UTF8.self)
        guard method != "HEAD" else { return (head, []) }
        if head.contains("\r\nTransfer-Encoding: chunked\r\n") {
            var body: [UInt8] = []
            while true {
                let size = String(decoding: try take(through: "\r\n").dropLast(2), as: UTF8.self)
                guard let count = Int(size, radix: 16) else { throw Failure(what: "a chunk of \(size) bytes") }
                body += try take(count)
                _ = try take(2)
                if count == 0 { return (head, body) }
            }
        }
        let field = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
        return (head, try take(field.flatMap { Int($0.dropFirst(16)) } ?? 0))
    }

    private func take(through end: String) throws -> [UInt8] {
        while true {
            if let found = received.firstRange(of: Array(end.utf8)) { return try take(found.upperBound) }
            try receive()
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while received.count < count { try receive() }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    private func receive() throws {
        let count = withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 1) { piece in
            let count = recv(descriptor, piece.baseAddress, piece.count, 0)
            if count > 0 { received.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[..<count])) }
            return count
        }
        guard count > 0 else { throw Failure(what: "the answer ended early: \(String(cString: strerror(errno)))") }
    }
}
