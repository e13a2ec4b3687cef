import CacheCore
import Compression
import Testing

@testable import CacheSources

@Suite("URLs of sources")
struct SourceURLTests {
    private func url(_ text: String) throws -> SourceURL {
        try SourceURL(text, scheme: String(text.prefix { $0 != ":" }))
    }

    private func reason(_ text: String) -> String? {
        do throws(CacheError) {
            _ = try WarmSource(text)
            return nil
        } catch {
            return error.message
        }
    }

    @Test("A URL is taken apart, and each part decoded once")
    func parts() throws {
        var url = try url(
            "postgresql://a%40b:p%3Aw@db.example:5433/shop?query=SELECT 1+1, '%25' FROM t&sslmode=require")
        #expect(url.user == "a@b")
        #expect(url.password == "p:w")
        #expect(url.host == "db.example")
        #expect(url.port == 5433)
        #expect(url.path == "/shop")
        #expect(url.take("query") == "SELECT 1+1, '%' FROM t")
        #expect(url.take("query") == nil)
        #expect(url.rest().map(\.name) == ["sslmode"])
    }

    @Test("An address of IPv6 stands in brackets")
    func addresses() throws {
        let url = try url("redis://[::1]:6380/2")
        #expect(url.host == "::1")
        #expect(url.port == 6380)
        #expect(url.redacted == "redis://[::1]:6380/2")
    }

    @Test("What is shown has neither the password nor the query")
    func redaction() throws {
        let source = try WarmSource("postgresql://u:hidden@h:1/d?query=SELECT 'secret' AS key&password=hidden2")
        #expect(source.description == "postgresql://u@h:1/d")
        #expect("\(source)" == "postgresql://u@h:1/d")
        let redis = try WarmSource("redis://:hidden@h/3?match=a*")
        #expect(redis.description == "redis://h/3")
    }

    @Test(
        "What is wrong is said, without the password",
        arguments: [
            ("", "the source is empty"),
            (
                "mysql://u:hidden@h/d",
                "a source of the scheme mysql cannot be read; it must be \(WarmSource.schemes)"
            ),
            ("file://host/a", "a file source must have an absolute path: file:///data/items.ndjson"),
            ("file:///a?x=1", "the file URL has the parameter x; it may have none"),
            ("file:///a%2", "the path of the file URL has a % that begins no escape; a percent sign is written %25"),
            ("file:///a%ff", "the path of the file URL has escapes that are not UTF-8"),
            (
                "sqlite://data/app.db?query=SELECT",
                "an SQLite source must have an absolute path: sqlite:///data/app.db?query=…"
            ),
            (
                "sqlite:///app.db",
                "an SQLite source must have a query: sqlite:///app.db?query=SELECT key, value FROM …"
            ),
            (
                "sqlite:///app.db?query=SELECT a FROM b WHERE c LIKE '%x'",
                "the parameter query of the sqlite URL has a % that begins no escape; a percent sign is written %25"
            ),
            (
                "postgresql://u:hidden@h/d",
                "a PostgreSQL source must have a query: postgresql://user@host/database?query=SELECT key, value FROM …"
            ),
            ("redis://h:0/", "the port of the redis URL must be a number from 1 to 65535"),
            (
                "redis://:hidden@h/x",
                "the database of a Redis source must be a number: redis://host:6379/0?match=user:*"
            ),
            ("redis://h/0?math=x", "the redis URL has the parameter math; it may have match"),
            ("redis://h/0?match=x&match=y", "the redis URL has the parameter match twice; it may have it once"),
        ])
    func errors(text: String, reason: String) {
        #expect(self.reason(text) == reason)
    }

    @Test("What means nothing to a source is refused")
    func meaningless() {
        #expect(throws: CacheError.self) { try WarmSource("/items.ndjson", password: "x") }
        #expect(throws: CacheError.self) { try WarmSource("https://h/x", password: "x") }
        #expect(throws: CacheError.self) { try WarmSource("redis://h", headers: [("A", "b")]) }
        #expect(throws: Never.self) { try WarmSource("HTTPS://h/x", headers: [("A", "b")]) }
    }

    @Test(
        "A file's name tells what is in it",
        arguments: [
            ("a.ndjson", FileSource.Format.ndjson, nil), ("a.ndjson.zst", .ndjson, "zstd"), ("a.csv", .csv, nil),
            ("A.CSV.GZ", .csv, "gzip"), ("b.json", .object, nil), ("b.json.gz", .object, "gzip"),
            ("snapshot", .ndjson, nil), ("a.csv.d/x", .ndjson, nil),
        ])
    func files(name: String, format: FileSource.Format, compression: String?) {
        let file = FileSource(path: name)
        #expect(file.format == format)
        #expect(file.compression?.rawValue == compression)
    }
}
