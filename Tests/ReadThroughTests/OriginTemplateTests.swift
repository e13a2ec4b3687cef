import ReadThrough
import Testing

@Suite("URL templates")
struct OriginTemplateTests {
    private func url(_ template: String, _ key: String) throws -> String? {
        try OriginTemplate(template).url(key: Array(key.utf8))
    }

    @Test("A key becomes one segment of the path")
    func segment() throws {
        #expect(try url("https://api.internal/items/{key}", "a-1_2.3~") == "https://api.internal/items/a-1_2.3~")
        #expect(try url("http://[::1]:80/items/{key}.json?x=1", "é") == "http://[::1]:80/items/%C3%A9.json?x=1")
    }

    @Test("A key becomes one value of the query")
    func query() throws {
        #expect(try url("http://h/find?q={key}&n=1", "a&b=c#d") == "http://h/find?q=a%26b%3Dc%23d&n=1")
        #expect(try url("http://h/find?q={key}", "../..") == "http://h/find?q=..%2F..")
    }

    @Test(
        "Nothing in a key changes host, path or query",
        arguments: [
            ("a/b", "a%2Fb"), ("a?b", "a%3Fb"), ("a#b", "a%23b"), ("@evil.example", "%40evil.example"),
            ("%2e%2e", "%252e%252e"), ("%2F", "%252F"), (":8080", "%3A8080"), ("a b+c", "a%20b%2Bc"),
            ("a\u{0}b", "a%00b"),
            ("a\r\nHost: x", "a%0D%0AHost%3A%20x"), ("{key}", "%7Bkey%7D"), ("a//b", "a%2F%2Fb"), ("...", "..."),
            ("a;b", "a%3Bb"), ("a\\b", "a%5Cb"), ("//evil.example/", "%2F%2Fevil.example%2F"),
        ])
    func encoding(key: String, encoded: String) throws {
        #expect(try url("http://h/items/{key}?v=1", key) == "http://h/items/\(encoded)?v=1")
    }

    @Test(
        "A key that is a step in the path has no URL",
        arguments: [
            "", ".", "..", "../x", "../../etc/passwd", "x/..", "a/./b", "a/../b", "..\\x", "a\\..\\b", "..;x/y", "/..",
            "./",
        ])
    func steps(key: String) throws {
        #expect(try url("http://h/items/{key}", key) == nil)
    }

    @Test("What stands beside the key in its segment counts")
    func besides() throws {
        #expect(try url("http://h/.{key}", ".") == nil)
        #expect(try url("http://h/{key}.", ".") == nil)
        #expect(try url("http://h/{key}.json", "..") == "http://h/...json")
        #expect(try url("http://h/{key}.json", "../x") == nil)
    }

    @Test(
        "What is no template is refused with what would be right",
        arguments: [
            ("http://h/items", "{key}"), ("http://h/{key}/{key}", "one {key}"), ("http://h/{id}/{key}", "one {key}"),
            ("ftp://h/{key}", "https://"), ("http://{key}/x", "https://"), ("http://{key}", "https://"),
            ("/items/{key}", "https://"),
            ("http:///{key}", "host"), ("http://u:p@h/{key}", "header"), ("http://h/{key}#x", "fragment"),
            ("http://h/a b/{key}", "blanks"), ("http://h/é/{key}", "ASCII"), ("http://h?q={key}", "https://"),
        ])
    func faults(text: String, word: String) {
        do throws(OriginTemplate.SyntaxError) {
            let template = try OriginTemplate(text)
            Issue.record("\(template) is no template")
        } catch {
            #expect(error.reason.contains(word), "\(error.reason)")
        }
    }
}
