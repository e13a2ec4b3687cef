internal import CacheCore
internal import MicroHTTP
internal import TestSupport
internal import Testing

@testable internal import CacheService

/// `GET /export`, and what becomes of it when it is loaded again.
struct ExportTests {
    private let test: TestService

    init() throws { test = try TestService() }

    private func lines(_ text: String) -> [String] { text.split(separator: "\n").map { String($0) }.sorted() }

    @Test func writesALineForEachEntry() {
        test.put("/keys/plain", "{\"a\": 1}")
        test.put("/keys/%22%0A%00%C3%A9?ttl=10.5", "\"\\n\"")
        let reply = test.get("/export")
        #expect(reply.status == 200)
        #expect(reply["Content-Type"] == "application/x-ndjson")
        #expect(
            lines(reply.text) == [
                "{\"key\":\"\\\"\\n\\u0000é\",\"value\":\"\\n\",\"expires_at\":1700000010.5}",
                "{\"key\":\"plain\",\"value\":{\"a\":1}}",
            ])
        #expect(reply.text.hasSuffix("\n"))
        #expect(test.reads == (0, 0))
    }

    @Test func anEmptyCacheIsAnEmptyStream() {
        let reply = test.get("/export")
        #expect(reply.status == 200)
        #expect(reply.body.isEmpty)
        test.put("/keys/a")
        #expect(test.get("/export?prefix=b").body.isEmpty)
    }

    @Test func onlyKeysWithThePrefix() throws {
        for key in ["a1", "a2", "b1", "a%20x"] { test.put("/keys/\(key)") }
        #expect(lines(test.get("/export?prefix=a").text).count == 3)
        #expect(lines(test.get("/export?prefix=a+").text) == ["{\"key\":\"a x\",\"value\":1}"])
        try expect(test.get("/export?prefix=%"), is: ExpectedProblem(400, "invalid_query"))
        try expect(test.get("/export?prefix=%FF"), is: ExpectedProblem(400, "invalid_query"))
    }

    @Test func expiredEntriesAreNotInIt() {
        test.put("/keys/a?ttl=1")
        test.put("/keys/b")
        test.clock.advance(by: .seconds(1))
        #expect(lines(test.get("/export").text) == ["{\"key\":\"b\",\"value\":1}"])
    }

    @Test func isMadePieceByPiece() throws {
        let value = "\"\(String(repeating: "x", count: 1000))\""
        for number in 0..<1000 { test.put("/keys/\(number)", value) }
        var sizes: [Int] = []
        var keys: Set<String> = []
        LiteralRequest(.get, "/export").answer(by: test.service).forEachPiece { piece in
            sizes.append(piece.count)
            for line in String(decoding: piece, as: UTF8.self).split(separator: "\n") {
                #expect(keys.insert(String(line.prefix(20).split(separator: "\"")[3])).inserted)
            }
        }
        #expect(keys.count == 1000)
        #expect(sizes.count > 5)
        #expect(sizes.allSatisfy { $0 < 300_000 })
    }

    @Test func whatStaysIsInItWhateverElseIsWritten() throws {
        for number in 0..<3000 { test.put("/keys/stay\(number)") }
        var text = ""
        var round = 0
        LiteralRequest(.get, "/export").answer(by: test.service).forEachPiece { piece in
            text += String(decoding: piece, as: UTF8.self)
            round += 1
            for number in 0..<500 { test.put("/keys/\(round)-\(number)") }
            if !round.isMultiple(of: 2) { _ = test.ask(.delete, "/keys?prefix=\(round)-") }
        }
        let stayed = lines(text).filter { $0.contains("stay") }
        #expect(round > 1)
        #expect(stayed.count == 3000)
        #expect(Set(stayed).count == 3000)
    }

    /// Random entries, exported from one service and loaded into another one whose clock has another beginning.
    @Test func loadedElsewhereItIsTheSame() throws {
        var random = TestSeed.generator()
        let other = try TestService(secondsSince1970: 1_699_999_000)
        other.clock.advance(by: .seconds(1000))
        var expected: [String: (value: String, left: Int64?)] = [:]
        for number in 0..<2000 {
            let key = "\(number) \0\"\\é🦊\u{1f}".prefix(random.below(12) + 1) + "\(number)"
            let value = ["null", "[\(number)]", "\"\\u00e9\\n\(number)\"", "12345678901234567890", "{\"a\":1e400}"][
                random.below(5)]
            // Quarters of a second have no error in binary.
            let left: Int64? = random.oneIn(3) ? nil : Int64(random.below(1_000_000) + 1) * 250_000_000
            expected[String(key)] = (value, left)
            try test.cache.putJSON(String(key), value.utf8, ttl: left.map { .nanoseconds($0) })
        }
        let report = try other.ask(.post, "/warm", body: test.get("/export").body).object
        #expect(report["loaded"] as? Int == expected.count)
        #expect(report["failed"] as? Int == 0)
        for (key, entry) in expected {
            let found = Array(key.utf8).withUnsafeBytes { bytes -> (String, Int64?)? in
                guard let value = other.cache.lookup(bytes) else { return nil }
                let text = value.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                return (text, value.timeLeft(at: other.cache.now))
            }
            #expect(found?.0 == entry.value)
            #expect(found?.1 == entry.left)
        }
        // And once more, from there: the same lines.
        #expect(lines(other.get("/export").text) == lines(test.get("/export").text))
    }
}
