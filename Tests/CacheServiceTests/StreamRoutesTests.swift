import CacheCore
import MicroHTTP
import Testing

@testable import CacheService

struct StreamRoutesTests {
    private let lines = """
        {"key":"a","value":{"x": 1},"ttl":60}

        {"key":"b","value":2,"expires_at":1700000100.5}
        {"key":"old","value":2,"expires_at":1699999999}
        {"key":"c","value":tru}
        {"key":"both","value":1,"ttl":1,"expires_at":1700000100}
        {"key":"d","value":null}
        """
    private let report = """
        {"loaded":3,"failed":2,"expired":1,"errors":[\
        {"line":5,"code":"invalid_json","detail":"expected the literal true, at byte 22"},\
        {"line":6,"code":"invalid_ttl","detail":"an item has both \\"ttl\\" and \\"expires_at\\"; it may have one of them"}],\
        "duration_ms":0.0}

        """

    @Test func goodLinesLoadAndBadOnesAreNamed() throws {
        let fixture = try ServiceFixture()
        #expect(fixture.post("/warm", lines).body == report)
        #expect(fixture.get("/keys/b").headers.contains("Cache-Control: max-age=100"))
        #expect(fixture.get("/keys/d").body == "null")
        #expect(fixture.post("/warm", "").body.hasPrefix("{\"loaded\":0,\"failed\":0,"))
    }

    @Test(arguments: [1, 2, 3, 7, 64, 65, 100])
    func thePiecesDoNotMatter(size: Int) throws {
        let fixture = try ServiceFixture()
        let receiver = WarmReceiver(service: fixture.service)
        let bytes = Array(lines.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            Array(bytes[start..<min(start + size, bytes.count)]).withUnsafeBytes { receiver.receive($0) }
        }
        #expect(Reply(receiver.respond()).body == report)
    }

    @Test func exportGoesIntoWarm() throws {
        let first = try ServiceFixture()
        _ = first.post("/mput", "{\"items\":{\"a\\u0000\\n\\\"é\":{\"x\":1e400},\"b\":\"\\u0061\"},\"ttl\":60.25}")
        _ = first.put("/keys/c", "[]")
        first.clock.advance(by: .seconds(10))
        let second = try ServiceFixture()
        second.clock.advance(by: .seconds(20))
        let export = first.get("/export")
        #expect(export.headers == ["Content-Type: application/x-ndjson"])
        #expect(second.post("/warm", export.body).body.hasPrefix("{\"loaded\":3,\"failed\":0,\"expired\":0,"))
        first.clock.advance(by: .seconds(10))
        // The same moment of the day on both: the same entries, the same time left.
        #expect(
            second.get("/export").body.split(separator: "\n").sorted()
                == first.get("/export").body.split(separator: "\n").sorted())
        #expect(second.get("/export?prefix=c").body == "{\"key\":\"c\",\"value\":[]}\n")
    }

    @Test func anExportOfManyEntriesHasThemAll() throws {
        let fixture = try ServiceFixture()
        for number in 0..<5000 { _ = fixture.put("/keys/k\(number)", "\(number)") }
        let lines = fixture.get("/export").body.split(separator: "\n")
        #expect(Set(lines).count == 5000)
        #expect(lines.count == 5000)
    }
}
