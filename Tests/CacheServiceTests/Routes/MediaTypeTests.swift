internal import CacheCore
internal import MicroHTTP
internal import Testing

@testable internal import CacheService

/// Which types of bodies are read as JSON.
struct MediaTypeTests {
    private let test: TestService

    init() throws { test = try TestService() }

    @Test(arguments: [
        "application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/x-www-form-urlencoded",
        "text/plain", "application/octet-stream", "application/vnd.api+json", "application/x-ndjson", "text/json", "",
        ";", "/", "x",
        "*/*", "json", "application/", "/xml", "application/json;a=image/png", " application/json ", "nonsense/🦊",
    ])
    func taken(type: String) {
        #expect(test.put("/keys/a", headers: [("Content-Type", type)]).status == 201)
        #expect(test.ask(.post, "/mput", headers: [("Content-Type", type)], body: "{\"items\":{}}").status == 200)
        #expect(test.ask(.post, "/warm", headers: [("content-type", type)], body: "").status == 200)
    }

    @Test func taken() {
        #expect(test.put("/keys/a").status == 201)
    }

    @Test(arguments: [
        ("image/png", "image/png"), ("IMAGE/PNG", "image/png"),
        ("multipart/form-data; boundary=x", "multipart/form-data"),
        ("application/xml", "application/xml"), ("text/xml", "text/xml"), ("image/svg+xml", "image/svg+xml"),
        ("application/atom+xml;type=entry", "application/atom+xml"), ("text/html", "text/html"),
        ("text/csv", "text/csv"),
        ("audio/mpeg", "audio/mpeg"), ("video/mp4", "video/mp4"), ("font/woff", "font/woff"),
        (" text/html ; x", "text/html"),
        ("application/pdf", "application/pdf"), ("application/gzip", "application/gzip"),
        ("application/cbor", "application/cbor"),
        ("application/yaml", "application/yaml"), ("message/http", "message/http"),
    ])
    func refused(type: String, named: String) throws {
        let problem = ExpectedProblem(
            415, "unsupported_media_type", "the body is \(named); it must be JSON, as application/json")
        let headers = [("Content-Type", type)]
        for body in ["1", String(repeating: "1", count: 100_000)] {
            try expect(test.put("/keys/a", body, headers: headers), is: problem)
            for path in ["/mget", "/mput", "/mdelete", "/warm"] {
                try expect(test.ask(.post, path, headers: headers, body: body), is: problem)
            }
        }
        #expect(test.cache.getStats().puts == 0)
    }

    @Test func whatIsNotReadMayBeOfAnyType() {
        test.put("/keys/a")
        let headers = [("Content-Type", "image/png")]
        for body in ["x", String(repeating: "x", count: 64 << 10)] {
            #expect(test.ask(.get, "/keys/a", headers: headers, body: body).status == 200)
            #expect(test.ask(.get, "/stats", headers: headers, body: body).status == 200)
            #expect(test.ask(.options, "/mput", headers: headers, body: body).status == 204)
            #expect(test.ask(.delete, "/stats", headers: headers, body: body).status == 204)
        }
        #expect(test.ask(.delete, "/keys/a", headers: headers, body: "x").status == 204)
        test.put("/keys/a")
        // No body: a client that sets the type on every request.
        #expect(test.ask(.get, "/keys/a", headers: headers).status == 200)
        #expect(test.ask(.get, "/stats", headers: headers).status == 200)
        #expect(test.ask(.delete, "/keys/a", headers: headers).status == 204)
    }

    @Test(arguments: ["br", "BR", "gzip, zstd", "identity, br", "compress,identity", " deflate ", "gzip2"])
    func aCodingThatIsNotUnderstoodIsRefused(coding: String) throws {
        let headers = [("Content-Encoding", coding), ("Content-Type", "application/json")]
        for (method, path) in [(MicroHTTP.Method.put, "/keys/a"), (.post, "/mput"), (.post, "/mget"), (.post, "/warm")]
        {
            for body in ["1", String(repeating: "1", count: 100_000)] {
                let reply = test.ask(method, path, headers: headers, body: body)
                try expect(reply, is: ExpectedProblem(415, "unsupported_media_type"))
                #expect(reply["Accept-Encoding"] == "zstd, gzip")
            }
        }
        #expect(test.cache.getStats().puts == 0)
        // What is not read may be encoded.
        #expect(test.ask(.get, "/livez", headers: headers, body: "x").status == 200)
    }

    @Test func theRefusalNamesTheCoding() throws {
        let headers = [("Content-Encoding", "identity"), ("Content-Encoding", "x, gzip")]
        try expect(
            test.put("/keys/a", headers: headers),
            is: ExpectedProblem(
                415, "unsupported_media_type",
                "the body is encoded as \"x, gzip\"; it must come as it is, or in one of the codings zstd, gzip"))
    }

    @Test(arguments: ["identity", "Identity", "", ",", "identity,identity"])
    func noCodingIsTaken(coding: String) {
        #expect(test.put("/keys/a", headers: [("Content-Encoding", coding)]).status == 201)
    }
}
