import Glibc

/// A blocking connection to a server on 127.0.0.1, for what a run does apart from the load: filling a store, asking
/// for counters, looking at one answer.
struct TCPConnection: ~Copyable {
    private let descriptor: Int32
    /// What was received and not yet read.
    private var received: [UInt8] = []
    private var position = 0

    /// - Throws: `BenchmarkError` when nobody listens there. Later reads and writes throw after 10 s without progress.
    init(port: Int) throws {
        descriptor = try Self.connect(port: port)
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func connect(port: Int) throws -> Int32 {
        let descriptor = try Loopback.makeSocket()
        guard Loopback.withAddress(port, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            let code = errno
            close(descriptor)
            throw BenchmarkError("cannot connect to 127.0.0.1:\(port)", errno: code)
        }
        return descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Sends all of `text`.
    func send(_ text: String) throws {
        var text = text
        try text.withUTF8 { try send(UnsafeRawBufferPointer($0)) }
    }

    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try send($0) }
    }

    private func send(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let sent = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            guard sent > 0 else { throw BenchmarkError("cannot send", errno: errno) }
            rest = UnsafeRawBufferPointer(rebasing: rest[sent...])
        }
    }

    /// The next line, without its CR LF.
    mutating func readLine() throws -> String {
        while true {
            if let end = received[position...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { position = end + 1 }
                let line = received[position..<end]
                return String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
            }
            try receive()
        }
    }

    /// The next `count` bytes.
    mutating func read(_ count: Int) throws -> String {
        while received.count - position < count {
            try receive()
        }
        defer { position += count }
        return String(decoding: received[position..<position + count], as: UTF8.self)
    }

    private mutating func receive() throws {
        received.removeSubrange(..<position)
        position = 0
        let received = try [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            count = 0
            let result = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            guard result != 0 else { throw BenchmarkError("the server closed the connection") }
            guard result > 0 else { throw BenchmarkError("cannot receive", errno: errno) }
            count = result
        }
        self.received += received
    }
}
