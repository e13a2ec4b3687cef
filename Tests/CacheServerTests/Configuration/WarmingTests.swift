import Testing

@testable import cache_server

@Suite("What the cache is filled from")
struct WarmingTests {
    private func warming(
        flags: [SettingName: String] = [:], environment: [String: String] = [:], file: String = "{}"
    ) throws -> Warming {
        try withTemporaryFile(file) { path in
            let sources = try SettingSources(flags: flags.merging(["config": path]) { $1 }, environment: environment)
            let machine = Machine(cores: 2, memory: 8 << 30, outputIsTerminal: false)
            return try ServerConfiguration(from: sources, on: machine).warming
        }
    }

    private func reason(
        flags: [SettingName: String] = [:], environment: [String: String] = [:], file: String = "{}"
    ) throws -> String? {
        do {
            _ = try warming(flags: flags, environment: environment, file: file)
            return nil
        } catch let error as SettingError {
            return error.description
        }
    }

    @Test("Several sources in one text have white space between, or a line each")
    func lists() {
        #expect(SourceList("a b\tc")?.sources == ["a", "b", "c"])
        #expect(SourceList("sqlite:///d?query=SELECT 1\n b \n\n")?.sources == ["sqlite:///d?query=SELECT 1", "b"])
        #expect(SourceList(" ") == nil)
        #expect(SourceList(SourceList.text(of: ["a b"]))?.sources == ["a b"])
    }

    @Test("A source of the start is a name, a URL or a path; none by default")
    func start() throws {
        let none = try warming()
        #expect(none.startSources.isEmpty && none.sources.isEmpty && !none.isRequired)
        let file = #"{"sources": {"users": "/u.ndjson", "other": "/o.ndjson"}, "warm": "users", "warm_required": "on"}"#
        let named = try warming(file: file)
        #expect(named.startSources.map(\.name) == ["users"])
        #expect(named.sources.map(\.name) == ["other", "users"])
        #expect(named.isRequired)
        let flags: [SettingName: String] = [
            "warm": SourceList.text(of: ["users", "/a b", "redis://:p@h/1", "users", "redis://:p@h/1?match=x"])
        ]
        let mixed = try warming(flags: flags, file: file)
        #expect(mixed.startSources.map(\.name) == ["users", "/a b", "redis://h/1", "redis://h/1 #2"])
        let environment = try warming(environment: ["CACHE_WARM": "/a /b"], file: file)
        #expect(environment.startSources.map(\.name) == ["/a", "/b"])
        let emptied = try warming(environment: ["CACHE_WARM": "none"], file: file)
        #expect(emptied.startSources.isEmpty)
    }

    @Test("What is no source is told with its place, without its password")
    func errors() throws {
        let url = try reason(environment: ["CACHE_WARM": "mysql://u:hidden@h"])
        #expect(url?.hasPrefix("invalid warm (environment variable CACHE_WARM): a source of the scheme mysql") == true)
        #expect(url?.contains("hidden") == false)
        let section = try reason(file: #"{"sources": {"a": "redis://:hidden@h/x"}}"#)
        #expect(
            section
                == "invalid sources.a: the database of a Redis source must be a number: redis://host:6379/0?match=user:*"
        )
        let secret = try reason(file: #"{"sources": {"a": {"url": "redis://h", "password": {"env": "NO_SUCH_ONE"}}}}"#)
        #expect(
            secret == "invalid sources.a: the environment variable NO_SUCH_ONE is not set; a secret is to be in it")
        let name = try reason(file: #"{"sources": {"a/b": "/x"}}"#)
        #expect(name == "invalid sources.a/b: the name of a source must have neither spaces, commas nor slashes")
        let empty = try reason(environment: ["CACHE_WARM": " "])
        #expect(empty?.hasPrefix(#"invalid warm " " (environment variable CACHE_WARM): must be URLs such as"#) == true)
    }
}
