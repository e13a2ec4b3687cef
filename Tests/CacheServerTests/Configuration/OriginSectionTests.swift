import ReadThrough
import Testing

@testable import cache_server

@Suite("Origins in the configuration file")
struct OriginSectionTests {
    private func sections(_ json: String) throws -> [OriginSection] {
        let file = try ConfigurationFile(
            json: Array(#"{"origins": \#(json)}"#.utf8), path: "c.json", settings: ["port"], sections: Sections.keys)
        return try file.value(of: Sections.origins) ?? []
    }

    private func reason(_ json: String) throws -> String {
        do {
            _ = try ServerConfiguration.routes(try sections(json), flag: nil)
            return "nothing is wrong"
        } catch let error as ConfigurationFile.ReadError {
            return error.reason
        } catch let error as SettingError {
            return error.description
        }
    }

    @Test("All of a route can be said")
    func full() throws {
        let sections = try sections(
            """
            [{"prefix": "items:", "url": "https://h/{key}", "strip_prefix": true, "headers": {"X-B": "2", "X-A": "1"},
              "ttl": "60s", "stale_while_revalidate": 30, "stale_if_error": "5m", "negative_ttl": "none", "timeout": "2s",
              "max_concurrent": 8, "max_waiting": 0, "retries": 0, "beta": 0.5}]
            """)
        let route = try #require(try ServerConfiguration.routes(sections, flag: nil).first)
        #expect(route.prefix == Array("items:".utf8))
        #expect("\(route.template)" == "https://h/{key}")
        #expect(route.stripsPrefix)
        #expect(route.headers.map { "\($0.name)=\($0.value)" } == ["X-A=1", "X-B=2"])
        #expect(route.timeToLive == .seconds(60))
        #expect(route.staleWhileRevalidate == .seconds(30))
        #expect(route.staleIfError == .seconds(300))
        #expect(route.negativeTimeToLive == .zero)
        #expect(route.timeout == .seconds(2))
        #expect([route.mostFetches, route.mostWaiting, route.retries] == [8, 0, 0])
        #expect(route.beta == 0.5)
    }

    @Test("What is not said is as the flags' defaults have it")
    func defaults() throws {
        let sections = try sections(#"[{"prefix": "", "url": "https://h/{key}"}]"#)
        let route = try #require(try ServerConfiguration.routes(sections, flag: nil).first)
        #expect(route.timeToLive == nil)
        #expect(route.timeout == OriginRoute.defaultTimeout)
        #expect(route.mostFetches == OriginRoute.defaultMostFetches)
        #expect(route.negativeTimeToLive == OriginRoute.defaultNegativeTimeToLive)
    }

    @Test(
        "What is wrong is told with its place",
        arguments: [
            (#"{"prefix": "a"}"#, "invalid origins: must be an array (c.json)"),
            (#"[{"prefix": "a", "url": "http://h/"}]"#, "invalid origins[0].url: must be a URL with {key}"),
            (
                #"[{"prefix": "a", "url": "http://h/{key}", "retries": -1}]"#,
                "origins[0].retries: must be a whole number from 0 to 10"
            ),
            (
                #"[{"prefix": "a", "url": "http://h/{key}", "beta": 101}]"#,
                "origins[0].beta: must be a number from 0 to 100"
            ),
            (
                #"[{"prefix": "a", "url": "http://h/{key}", "timeout": "1h"}]"#,
                "origins[0].timeout: must be a duration from 10ms to 10m"
            ),
            (#"[{"prefix": "a", "url": "http://h/{key}", "ttl": true}]"#, "origins[0].ttl: must be a duration"),
            (#"[{"prefix": "a", "url": "http://h/{key}", "tll": 1}]"#, #"unknown key "tll": did you mean "ttl"?"#),
            (#"[{"url": "http://h/{key}"}]"#, #"the key "prefix" is missing"#),
            (
                #"[{"prefix": "a", "url": "http://h/{key}"}, {"prefix": "a", "url": "http://i/{key}"}]"#,
                #"two of the origins have the prefix "a""#
            ),
            (#"[{"prefix": "a", "url": "http://h/{key}", "headers": {"X": "a\nb"}}]"#, "the header X of an origin"),
            (#"[{"prefix": "a", "url": "http://h/{key}", "headers": {"X Y": "a"}}]"#, "the header X Y of an origin"),
        ])
    func faults(json: String, words: String) throws {
        let reason = try reason(json)
        #expect(reason.contains(words), "\(reason)")
    }

    @Test("A flag is the origin of the keys that no section has")
    func flag() throws {
        let flag = OriginRoute(template: try OriginTemplate("http://flag/{key}"))
        let named = try sections(#"[{"prefix": "a", "url": "http://h/{key}"}]"#)
        #expect(
            try ServerConfiguration.routes(named, flag: flag).map { "\($0.template)" } == [
                "http://h/{key}", "http://flag/{key}",
            ])
        let all = try sections(#"[{"prefix": "", "url": "http://h/{key}"}]"#)
        #expect(throws: SettingError.self) { try ServerConfiguration.routes(all, flag: flag) }
    }

    @Test("The log has a URL without its query")
    func logged() throws {
        let template = try OriginTemplate("http://h/find?token=s3cret&q={key}")
        #expect("\(Settings.origin.syntax.logged(template))" == "http://h/find?…")
    }
}
