import Dispatch
import Glibc
import Synchronization
import Testing

@testable import cache_server

@Suite("The health check's probe")
struct HealthProbeTests {
    /// A socket on a free port of the loopback address, that answers one request with given bytes, or never accepts.
    private final class Answerer: Sendable {
        let port: Int
        private let descriptor: Int32

        init() throws {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            // The address outlives the calls; a sockaddr_in is a sockaddr of its size.
            let isListening = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    bind(descriptor, pointer, size) == 0 && listen(descriptor, 1) == 0
                        && getsockname(descriptor, pointer, &size) == 0
                }
            }
            try #require(isListening)
            self.descriptor = descriptor
            port = Int(in_port_t(bigEndian: address.sin_port))
        }

        deinit { close(descriptor) }

        /// Takes one connection, reads a request's head, answers and closes. Returns the head.
        func answer(_ text: String) throws -> String {
            let client = accept(descriptor, nil, nil)
            defer { close(client) }
            var head: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 1024)
            while !head.ends(with: "\r\n\r\n") {
                let count = recv(client, &chunk, chunk.count, 0)
                try #require(count > 0)
                head += chunk[..<count]
            }
            try File.write(text, to: client)
            return String(decoding: head, as: UTF8.self)
        }
    }

    /// The reason that a probe of a server that answers `text` fails for; nil if it does not.
    private func reason(answer text: String) async throws -> String? {
        let answerer = try Answerer()
        let probe = HealthProbe(listeningHost: "127.0.0.1", port: answerer.port)
        // Both block their threads, so they are on two of their own, and do not wait for a turn among the tests.
        let answered = Mutex<Result<String, any Error>?>(nil)
        let reason = await withCheckedContinuation { continuation in
            DispatchQueue(label: "probe").async {
                let answering = DispatchGroup()
                DispatchQueue(label: "answerer").async(group: answering) {
                    let head = Result { try answerer.answer(text) }
                    answered.withLock { $0 = head }
                }
                let reason = self.reason(probe, timeout: .seconds(10))
                answering.wait()
                continuation.resume(returning: reason)
            }
        }
        let head = try answered.withLock { try $0?.get() }
        #expect(head == "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:\(probe.port)\r\nConnection: close\r\n\r\n")
        return reason
    }

    private func reason(_ probe: HealthProbe, timeout: Duration) -> String? {
        do throws(HealthProbe.Failure) {
            try probe.run(timeout: timeout)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test(
        "Only the status 200 is ready",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", nil), ("HTTP/1.0 200\r\n\r\n", nil),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "the answer is 503"),
            ("HTTP/1.1 2000 \r\n\r\n", "the answer is 2000"),
            ("SSH-2.0-OpenSSH\r\n", "the answer is not HTTP"), ("\r\n", "the answer is not HTTP"),
            (String(repeating: "x", count: 300), "the answer is not HTTP"),
            ("", "the connection was closed without an answer"),
            ("HTTP/1.1 200", "the connection was closed without an answer"),
        ] as [(String, String?)])
    func answers(text: String, expected: String?) async throws {
        #expect(try await reason(answer: text) == expected)
    }

    @Test("A server that never answers is not waited for longer than the time")
    func silence() throws {
        let answerer = try Answerer()
        let start = ContinuousClock.now
        let probe = HealthProbe(listeningHost: "127.0.0.1", port: answerer.port)
        #expect(reason(probe, timeout: .milliseconds(50)) == "no answer in time")
        #expect(ContinuousClock.now - start >= .milliseconds(50))
    }

    @Test("A port that nobody listens on refuses")
    func refused() throws {
        // Bound but not listening: nobody else can take it meanwhile.
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // As above.
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, size) == 0 && getsockname(descriptor, pointer, &size) == 0
            }
        }
        try #require(isBound)
        let probe = HealthProbe(listeningHost: "127.0.0.1", port: Int(in_port_t(bigEndian: address.sin_port)))
        #expect(reason(probe, timeout: .seconds(10)) == "Connection refused")
    }

    @Test("Port 0 cannot be asked")
    func freePort() {
        #expect(
            reason(HealthProbe(listeningHost: "127.0.0.1", port: 0), timeout: .seconds(1))
                == "port 0 is a free one that only the server knows")
    }

    @Test(
        "A server that listens everywhere is asked at the loopback address",
        arguments: [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.1", "10.0.0.1"), ("localhost", "localhost")])
    func hosts(listening: String, asked: String) {
        #expect(HealthProbe(listeningHost: listening, port: 1).host == asked)
    }
}

extension [UInt8] {
    fileprivate func ends(with text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
