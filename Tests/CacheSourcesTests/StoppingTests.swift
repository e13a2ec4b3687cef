import CacheCore
import TestSupport
import Testing

@testable import CacheSources

@Suite("Sources that are stopped")
struct StoppingTests {
    @Test(
        "Who waits for a server that says nothing can be stopped",
        arguments: ["redis://127.0.0.1:%/", "postgresql://app@127.0.0.1:%/shop?query=SELECT 1"])
    func silentServer(url: String) throws {
        let isAsked = CancellationFlag()
        let server = try RawServer { connection, _ in
            _ = try connection.readByte()
            isAsked.set()
            connection.awaitEnd()
        }
        defer { server.stop() }
        let source = try WarmSource(url.replacing("%", with: "\(server.port)"))
        let cache = try ProductionCache(CacheConfiguration())
        var interruption: String?
        let error = #expect(throws: CacheError.self) {
            try source.load(
                into: cache, limits: .ofStore, backoff: .none, isCancelled: { isAsked.isSet },
                progress: { interruption = $0.lastInterruption })
        }
        #expect(error?.message.hasSuffix(": it was stopped") == true)
        // It did not wait until the server had had its time.
        #expect(interruption == nil)
    }
}
