internal import CacheCore
internal import Compression
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// `Accept-Encoding` and `Content-Encoding`.
struct ContentCodingTests {
    private let test: TestService
    /// More than what is sent as it is.
    private let large = "[" + (0..<300).map { "\"user \($0)\"" }.joined(separator: ",") + "]"

    init() throws {
        test = try TestService(limits: ServiceLimits(maxValueBytes: 1 << 20))
        test.put("/keys/large", large)
        test.put("/keys/small", "1")
    }

    private func get(_ target: String, accepting codings: String..., method: MicroHTTP.Method = .get) -> Reply {
        test.ask(method, target, headers: codings.map { ("Accept-Encoding", $0) })
    }

    private func compressed(_ text: String, _ format: CompressionFormat) throws -> [UInt8] {
        try #require(Array(text.utf8).withUnsafeBytes { CompressorPool.compress($0, format) })
    }

    private func decompressed(_ bytes: [UInt8], _ format: CompressionFormat) throws -> String {
        guard var decompressor = Decompressor(format) else { throw NoMemory() }
        var output: [UInt8] = []
        let isWhole = try bytes.withUnsafeBytes { bytes in
            try decompressor.append(bytes) {
                output += $0
                return true
            }
        }
        #expect(isWhole)
        try decompressor.finish()
        return String(decoding: output, as: UTF8.self)
    }

    // MARK: Responses

    @Test(
        arguments: [
            ("zstd, gzip", CompressionFormat.zstd), ("gzip, zstd", .zstd), ("gzip", .gzip), ("GZIP", .gzip),
            ("x-gzip", .gzip), ("br, deflate, gzip", .gzip), ("*", .zstd), ("zstd;q=0.5, gzip;q=0.6", .gzip),
            ("zstd;q=0, *", .gzip), ("gzip ; q=0.001", .gzip), ("gzip;q=1.000", .gzip),
            ("identity;q=0.5, gzip", .gzip), ("identity;q=0, gzip;q=0.1", .gzip), (", ,gzip,", .gzip),
        ])
    func theBestCodingIsTaken(codings: String, format: CompressionFormat) throws {
        let reply = get("/keys/large", accepting: codings)
        #expect(reply.status == 200)
        #expect(reply["Content-Encoding"] == format.rawValue)
        #expect(reply["Vary"] == "Accept-Encoding")
        #expect(reply.body.count < large.utf8.count / 2)
        #expect(try decompressed(reply.body, format) == large)
    }

    @Test(
        arguments: [
            "", "br", "identity", "gzip;q=0", "gzip;q=0.0, zstd;q=0", "*;q=0", "identity, gzip;q=0.5",
            "gzip;q=2", "gzip;q=x", "gzip;q=-1", "gzip;q=", "gzipped", "g zip",
        ])
    func elseItIsSentAsItIs(codings: String) {
        let reply = get("/keys/large", accepting: codings)
        #expect(reply["Content-Encoding"] == nil)
        #expect(reply["Vary"] == "Accept-Encoding", "another client would have got another")
        #expect(reply.text == large)
    }

    @Test func twoFieldsAreOneList() {
        #expect(get("/keys/large", accepting: "zstd;q=0.1", "gzip;q=0.2")["Content-Encoding"] == "gzip")
        #expect(test.get("/keys/large").text == large, "none is none")
    }

    @Test func smallContentsAreSentAsTheyAre() throws {
        for target in ["/keys/small", "/keys/none", "/livez", "/mget"] {
            let reply = get(target, accepting: "gzip")
            #expect(reply["Content-Encoding"] == nil)
            #expect(reply["Vary"] == nil, "\(target)")
        }
        for (count, isCoded) in [(1024, false), (1025, true)] {
            let value = "\"" + String(repeating: "x", count: count - 2) + "\""
            test.put("/keys/edge", value)
            #expect(get("/keys/edge", accepting: "gzip")["Content-Encoding"] == (isCoded ? "gzip" : nil))
        }
    }

    @Test func everyRouteIsCoded() throws {
        for target in ["/metrics", "/openapi.yaml", "/export"] {
            let plain = test.get(target)
            let reply = get(target, accepting: "gzip")
            #expect(reply["Content-Encoding"] == "gzip")
            #expect(reply["Content-Type"] == plain["Content-Type"])
            let text = try decompressed(reply.body, .gzip)
            if target == "/metrics" {
                #expect(text.contains("cache_entries 2"))
            } else {
                #expect(text == plain.text)
            }
        }
        let reply = test.ask(.post, "/mget", headers: [("Accept-Encoding", "zstd")], body: "[\"large\"]")
        #expect(try decompressed(reply.body, .zstd) == "{\"values\":{\"large\":\(large)},\"missing\":[]}\n")
    }

    @Test(arguments: CompressionFormat.allCases)
    func largeContentsAreCompressedAsTheyAreTaken(format: CompressionFormat) throws {
        let value = "[" + (0..<30_000).map { "\"user \($0)\"" }.joined(separator: ",") + "]"
        test.put("/keys/huge", value)
        let reply = get("/keys/huge", accepting: format.rawValue)
        #expect(reply["Content-Encoding"] == format.rawValue)
        #expect(try decompressed(reply.body, format) == value)
        #expect(try #require(reply["ETag"]).hasSuffix("-\(format.rawValue)\""))
    }

    // MARK: Entity tags

    @Test func eachCodingHasATagAndAllStandForTheValue() throws {
        let plain = try #require(test.get("/keys/large")["ETag"])
        var tags = [plain]
        for format in CompressionFormat.allCases {
            let tag = try #require(get("/keys/large", accepting: format.rawValue)["ETag"])
            #expect(tag == "\(plain.dropLast())-\(format.rawValue)\"")
            tags.append(tag)
        }
        for tag in tags {
            for codings in ["gzip", "zstd", "identity"] {
                let reply = test.ask(
                    .get, "/keys/large", headers: [("If-None-Match", "\"x\", \(tag)"), ("Accept-Encoding", codings)])
                #expect(reply.status == 304)
                // The one that the client has a copy of.
                #expect(reply["ETag"] == tag)
                #expect(reply["Vary"] == "Accept-Encoding")
                #expect(reply["Content-Encoding"] == nil)
            }
            #expect(test.put("/keys/large", large, headers: [("If-Match", tag)]).status == 204, "it is what was read")
        }
        for tag in ["\(plain.dropLast())-br\"", "\(plain.dropLast())-\"", "\(plain.dropLast())gzip\"", "\"-gzip\""] {
            #expect(test.ask(.get, "/keys/large", headers: [("If-None-Match", tag)]).status == 200)
        }
    }

    // MARK: Requests

    @Test(arguments: CompressionFormat.allCases)
    func aBodyMayBeCoded(format: CompressionFormat) throws {
        let headers = [("Content-Encoding", format.rawValue.uppercased())]
        func send(_ method: MicroHTTP.Method, _ target: String, _ body: String) throws -> Reply {
            test.ask(method, target, headers: headers, body: try compressed(body, format))
        }
        #expect(try send(.put, "/keys/a", " [1, 2] ").status == 201)
        #expect(test.get("/keys/a").text == "[1,2]")
        #expect(try send(.patch, "/keys/a", "{\"x\":1}").text == "{\"x\":1}")
        #expect(try send(.post, "/mput", "{\"items\":{\"b\":2}}").text == "{\"stored\":1}\n")
        #expect(try send(.post, "/mget", "[\"b\"]").text == "{\"values\":{\"b\":2},\"missing\":[]}\n")
        #expect(try send(.post, "/warm", "{\"key\":\"c\",\"value\":3}").object["loaded"] as? Int == 1)
        #expect(test.get("/keys/c").text == "3")
    }

    @Test func codingsAreNamedInManyWays() throws {
        for headers in [["x-gzip"], ["identity", "gzip"], [" gzip ,"]] {
            let reply = test.ask(
                .put, "/keys/a", headers: headers.map { ("Content-Encoding", $0) }, body: try compressed("1", .gzip))
            #expect(reply.status == 201 || reply.status == 204)
        }
    }

    @Test func aBodyThatIsNotWhatItSaysIsRefused() throws {
        let headers = [("Content-Encoding", "gzip")]
        try expect(
            test.put("/keys/a", "{}", headers: headers),
            is: ExpectedProblem(
                400, "invalid_body",
                "the body is not what its Content-Encoding says: it is no whole gzip data: incorrect header check, within "
                    + "its first 2 bytes"))
        let whole = try compressed("[1]", .gzip)
        for body in [Array(whole.dropLast()), whole + [1]] {
            try expect(
                test.ask(.put, "/keys/a", headers: headers, body: body), is: ExpectedProblem(400, "invalid_body"))
        }
        try expect(
            test.ask(.put, "/keys/a", headers: headers, body: try compressed("[1", .gzip)),
            is: ExpectedProblem(400, "invalid_json"))
        #expect(test.get("/keys/a").status == 404)
    }

    @Test(arguments: CompressionFormat.allCases)
    func aBodyMayGrowToTheLimitAlone(format: CompressionFormat) throws {
        let headers = [("Content-Encoding", format.rawValue)]
        let value = "\"" + String(repeating: "x", count: (1 << 20) - 2) + "\""
        #expect(test.ask(.put, "/keys/a", headers: headers, body: try compressed(value, format)).status == 201)
        try expect(
            test.ask(.put, "/keys/b", headers: headers, body: try compressed(value + " ", format)),
            is: ExpectedProblem(413, "value_too_large"))
        let bomb = try compressed(String(repeating: " ", count: 70 << 20), format)
        try expect(test.ask(.post, "/mput", headers: headers, body: bomb), is: ExpectedProblem(413, "body_too_large"))
    }

    @Test func aStreamLoadsWhatCameBeforeTheDamage() throws {
        let lines = (0..<10_000).map { "{\"key\":\"k\($0)\",\"value\":\($0)}\n" }.joined()
        let headers = [("Content-Encoding", "gzip")]
        let whole = try compressed(lines, .gzip)
        let report = try test.ask(.post, "/warm", headers: headers, body: Array(whole.prefix(whole.count / 2))).object
        let loaded = try #require(report["loaded"] as? Int)
        #expect(loaded > 1000 && loaded < 9000)
        #expect(report["failed"] as? Int == 1)
        let error = try #require((report["errors"] as? [[String: Any]])?.first)
        #expect(error["line"] as? Int == loaded + 1)
        #expect(error["code"] as? String == "invalid_body")
        try expect(
            test.ask(.post, "/warm", headers: headers, body: "{\"key\":\"a\",\"value\":1}"),
            is: ExpectedProblem(400, "invalid_body"))
    }

    private struct NoMemory: Error {}
}
