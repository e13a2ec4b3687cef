internal import CacheCore
internal import CacheSources
internal import Dispatch
internal import Foundation
internal import MicroHTTP
internal import TestSupport
internal import Testing

@testable internal import CacheService

/// `POST /warm` with the name of a source, and what is told of sources.
struct WarmFromSourceTests {
    /// A source that is a file of these lines.
    private func withSource(
        _ name: String, _ lines: String, _ body: (Warmer.Source) throws -> Void
    ) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "warm-\(UUID().uuidString).ndjson")
        try Data(lines.utf8).write(to: file)
        defer {
            do {
                try FileManager.default.removeItem(at: file)
            } catch {
                // The system clears the directory of temporary files.
            }
        }
        let path = file.path
        try body(Warmer.Source(name: name) { () throws(CacheError) in try WarmSource(path) })
    }

    private let missing = Warmer.Source(name: "missing") { () throws(CacheError) in try WarmSource("/nowhere") }

    @Test func aNamedSourceIsReadAndReported() throws {
        try withSource("items", "{\"key\":\"a\",\"value\":1}\nnonsense\n{\"key\":\"b\",\"value\":1,\"expires_at\":5}\n")
        {
            let test = try TestService(sources: [$0, missing])
            #expect(test.get("/stats").text.contains("\"warm\":[],"))
            for body in ["{\"source\":\"items\"}", "\n{ \"source\" : \"i\\u0074ems\" }\n"] {
                let reply = test.post("/warm", body)
                #expect(reply.status == 200)
                #expect(reply.text.hasPrefix("{\"loaded\":1,\"failed\":1,\"expired\":1,\"errors\":[{\"line\":2,"))
            }
            #expect(test.get("/keys/a").text == "1")
            let stats = test.get("/stats").text
            #expect(
                stats.contains(
                    "\"warm\":[{\"source\":\"items\",\"state\":\"done\",\"loaded\":1,\"failed\":1,\"expired\":1,"))
            let metrics = test.get("/metrics").text
            #expect(metrics.contains("cache_warm_items_total{source=\"items\",result=\"loaded\"} 2\n"))
            #expect(metrics.contains("cache_warm_state{source=\"items\",state=\"done\"} 1\n"))
        }
    }

    @Test func oneThatIsNotThereOrFailsIsAProblem() throws {
        let test = try TestService(sources: [missing])
        let unknown = test.post("/warm", "{\"source\":\"other\"}")
        #expect(unknown.status == 404)
        #expect(unknown.text.contains("\"there is no source \\\"other\\\"; there are: missing\""))
        let failed = test.post("/warm", "{\"source\":\"missing\"}")
        #expect(failed.status == 502)
        #expect(failed.text.contains("\"code\":\"source_failed\""))
        #expect(failed.text.contains("No such file or directory"))
        #expect(
            test.get("/stats").text.contains(
                "\"state\":\"failed\",\"loaded\":0,\"failed\":0,\"expired\":0,\"rate\":0,\"error\":\"/nowhere: "))
        let without = try TestService().post("/warm", "{\"source\":\"x\"}")
        #expect(without.status == 404)
        #expect(without.text.contains("\"code\":\"source_not_found\""))
    }

    @Test func oneThatIsBeingReadIsBusy() throws {
        let isLet = DispatchSemaphore(value: 0)
        let slow = Warmer.Source(name: "slow") { () throws(CacheError) in
            isLet.wait()
            return try WarmSource("/nowhere")
        }
        let test = try TestService(sources: [slow])
        let warmer = try #require(test.service.warmer)
        let isDone = DispatchSemaphore(value: 0)
        try warmer.start(named: "slow") { _ in isDone.signal() }
        #expect(test.post("/warm", "{\"source\":\"slow\"}").status == 409)
        isLet.signal()
        isDone.wait()
        isLet.signal()
        #expect(test.post("/warm", "{\"source\":\"slow\"}").status == 502)
    }

    /// From the moment on that it was asked for, whatever its thread has come to: until then the process may end in the usual way.
    @Test func oneThatWasAskedForIsBeingRead() throws {
        let isLet = DispatchSemaphore(value: 0)
        let slow = Warmer.Source(name: "slow") { () throws(CacheError) in
            isLet.wait()
            return try WarmSource("/nowhere")
        }
        let warmer = try #require(try TestService(sources: [slow]).service.warmer)
        for _ in 0..<100 {
            let isDone = DispatchSemaphore(value: 0)
            #expect(!warmer.isReading)
            try warmer.start(named: "slow") { _ in isDone.signal() }
            #expect(warmer.isReading)
            isLet.signal()
            isDone.wait()
        }
    }

    @Test func noneIsReadOnceAllIsToEnd() throws {
        let test = try TestService(sources: [missing], startSources: [missing])
        let warmer = try #require(test.service.warmer)
        warmer.cancel()
        let refused = test.post("/warm", "{\"source\":\"missing\"}")
        #expect(refused.status == 503)
        #expect(refused.text.contains("\"code\":\"draining\""))
        #expect(!warmer.isReading)
        let failures = FailedSources()
        warmer.start { failures.set($0.map(\.source)) }
        try waitUntil("it is over") { failures.names == [] }
        #expect(!warmer.isReading)
    }

    @Test func whatOnlyBeginsLikeItIsLines() throws {
        let test = try TestService(sources: [missing])
        for body in [
            "{\"source\":\"missing\",\"key\":\"a\",\"value\":1}", "{\"source\":1}",
            "{\"source\":\"missing\"}\n{\"key\":\"a\",\"value\":1}",
            "{\"source\":\"\(String(repeating: "x", count: 2000))\"}",
        ] {
            let reply = test.post("/warm", body)
            #expect(reply.status == 200)
            #expect(reply.text.contains("\"failed\":1,"), "\(body)")
        }
        #expect(test.get("/keys/a").status == 200)
    }

    @Test func itNeedsATokenOfTheScopeAdminForAllKeys() throws {
        func digest(_ token: String) -> String {
            Array(token.utf8).withUnsafeBytes { AccessTokens.sha256($0) }
                .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        let tokens = "\(digest("w")) write\n\(digest("a")) admin\n\(digest("ap")) admin user:\n"
        let test = try TestService(access: AccessControl(try AccessTokens(Array(tokens.utf8))), sources: [missing])
        func status(_ token: String, _ body: String = "{\"source\":\"missing\"}") -> Int {
            test.ask(.post, "/warm", headers: [("Authorization", "Bearer \(token)")], body: body).status
        }
        #expect(status("w") == 403)
        #expect(status("ap") == 403)
        #expect(status("a") == 502)
        #expect(status("w", "{\"key\":\"a\",\"value\":1}") == 200)
    }

    @Test func theServerIsReadyWhenTheSourcesOfTheStartAreRead() throws {
        let isLet = DispatchSemaphore(value: 0)
        try withSource("items", "{\"key\":\"a\",\"value\":1}\n") { items in
            let slow = Warmer.Source(name: "slow") { () throws(CacheError) in
                isLet.wait()
                return try WarmSource("/nowhere")
            }
            let test = try TestService(startSources: [items, slow])
            #expect(test.get("/readyz").text.contains("the cache is being filled: 0 of 2 sources are read"))
            #expect(test.get("/stats").text.contains("{\"source\":\"slow\",\"state\":\"waiting\","))
            let failures = FailedSources()
            let warmer = try #require(test.service.warmer)
            warmer.start { failures.set($0.map(\.source)) }
            try waitUntil("the first is read") {
                test.get("/readyz").text.contains("1 of 2 sources are read, slow has brought 0 entries so far")
            }
            // One of the start is not to be read beside it.
            isLet.signal()
            try waitUntil("all are read") { failures.names == ["slow"] }
            #expect(test.get("/readyz").status == 200)
            #expect(test.get("/keys/a").text == "1")
        }
    }

    /// A body in pieces is the same.
    @Test(arguments: [1, 5, 100]) func pieces(count: Int) {
        func name(_ text: String) -> String? {
            var request = SourceRequest()
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                guard Array(rest.prefix(count)).withUnsafeBytes({ request.hold($0) }) else { return nil }
                rest = rest.dropFirst(count)
            }
            return request.sourceName
        }
        #expect(name(" {\t\"source\" :\n\"a b\"} ") == "a b")
        #expect(name("{\"source\":\"a\"") == nil)
        #expect(name("{\"sources\":\"a\"}") == nil)
        #expect(name("{\"key\":\"a\"}") == nil)
        #expect(name("[\"source\"]") == nil)
    }
}

/// The names of sources that failed, from another thread.
private final class FailedSources: @unchecked Sendable {
    // Sendable: `found` is used while `lock` is held.
    private let lock = NSLock()
    private var found: [String]?

    var names: [String]? { lock.withLock { found } }
    func set(_ names: [String]) { lock.withLock { found = names } }
}
