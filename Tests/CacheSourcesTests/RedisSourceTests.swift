import CacheCore
import TestSupport
import Testing

@testable import CacheSources

@Suite("Redis as a source")
struct RedisSourceTests {
    /// The words of the next command.
    private static func readCommand(_ connection: RawConnection) throws -> [String] {
        let count = try #require(Int(try connection.readLine().dropFirst()))
        return try (0..<count).map { _ in
            _ = try connection.readLine()
            return try connection.readLine()
        }
    }

    /// Answers a scan with where it goes on, and no keys.
    private static func answerScan(_ connection: RawConnection, next cursor: Int) throws {
        let digits = String(cursor)
        try connection.send("*2\r\n$\(digits.utf8.count)\r\n\(digits)\r\n*0\r\n")
    }

    @Test("Who may not ask which process it is begins anew, and not for ever")
    func beginsAnew() throws {
        let mostConnections = 50
        let server = try RawServer { connection, number in
            _ = try Self.readCommand(connection)
            try connection.send("-NOPERM this user has no permissions to run the 'info' command\r\n")
            #expect(try Self.readCommand(connection).prefix(2) == ["SCAN", "0"])
            // Each time it gets somewhere else before it is cut.
            try Self.answerScan(connection, next: number < mostConnections ? 1000 + number : 0)
            _ = try Self.readCommand(connection)
            try Self.answerScan(connection, next: 2000)
            _ = try Self.readCommand(connection)
        }
        defer { server.stop() }
        let reason = try #require(try reason("redis://127.0.0.1:\(server.port)"))
        #expect(reason.hasPrefix("redis://127.0.0.1:\(server.port): the connection is lost: "))
        #expect(server.acceptedCount == Backoff().attempts)
    }

    @Test("A port where nothing listens is tried as often as there are tries, and told")
    func refused() throws {
        let server = try RawServer { _, _ in }
        server.stop()
        let reason = try #require(try reason("redis://127.0.0.1:\(server.port)"))
        #expect(reason.contains(": cannot connect: "))
    }
}
