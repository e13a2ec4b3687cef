import Testing

@testable import cache_server

@Suite("Sections of the configuration file")
struct SectionTests {
    private func sources(_ json: String) throws -> [String: SourceSection]? {
        try ConfigurationFile(
            json: Array(json.utf8), path: "c.json", settings: ["port"], sections: Sections.keys
        ).value(of: Sections.sources)
    }

    private func reason(_ json: String) throws -> String? {
        do {
            _ = try sources(json)
            return nil
        } catch let error as ConfigurationFile.ReadError {
            return error.reason
        }
    }

    @Test("A file without it has none; null is none")
    func none() throws {
        let empty = try sources("{}")
        #expect(empty == nil)
        let null = try sources(#"{"sources": null, "port": 1}"#)
        #expect(null == nil)
    }

    @Test("A source is a URL, or an object with all that goes with it")
    func values() throws {
        let sources = try #require(
            try sources(
                #"""
                {"sources": {
                    "plain": "file:///items.ndjson",
                    "full": {"url": "https://peer/export", "headers": {"Authorization": {"env": "TOKEN"}, "X": "y"},
                             "password": {"file": "/run/secrets/p"}, "ttl": "1m", "prefix": "u:"}}}
                """#))
        #expect(sources["plain"] == SourceSection(url: "file:///items.ndjson"))
        let full = try #require(sources["full"])
        #expect(full.url == "https://peer/export")
        #expect(full.headers == ["Authorization": SecretText(environmentVariable: "TOKEN"), "X": SecretText("y")])
        #expect(full.password == SecretText(file: "/run/secrets/p"))
        #expect(full.ttl == .seconds(60))
        #expect(full.prefix == "u:")
    }

    @Test(
        "What is wrong is told with its place",
        arguments: [
            (#"{"sources": []}"#, "invalid sources: must be an object (c.json)"),
            (
                #"{"sources": {"a": 1}}"#,
                #"invalid sources.a: must be a URL, a path or an object such as {"url": "file:///items.ndjson"} (c.json)"#
            ),
            (
                #"{"sources": {"a": {"ulr": "x"}}}"#,
                #"invalid sources.a: unknown key "ulr": did you mean "url"? (c.json)"#
            ),
            (#"{"sources": {"a": {"prefix": "x"}}}"#, #"invalid sources.a: the key "url" is missing (c.json)"#),
            (#"{"sources": {"a": {"url": 5}}}"#, "invalid sources.a.url: must be a string (c.json)"),
            (
                #"{"sources": {"a": {"url": "x", "password": {"evn": "X"}}}}"#,
                #"invalid sources.a.password: unknown key "evn": did you mean "env"? (c.json)"#
            ),
            (
                #"{"sources": {"a": {"url": "x", "password": 5}}}"#,
                #"invalid sources.a.password: must be a string, {"env": "NAME"} or {"file": "/path"} (c.json)"#
            ),
            (
                #"{"sources": {"a": {"url": "x", "headers": {"H": {}}}}}"#,
                #"invalid sources.a.headers.H: must be a string, {"env": "NAME"} or {"file": "/path"} (c.json)"#
            ),
            (
                #"{"sources": {"a": {"url": "x", "ttl": "soon"}}}"#,
                "invalid sources.a.ttl: must be a duration such as 500ms, 30s, 2m, 1h or 30 (seconds) from 1ms to 3650d (c.json)"
            ),
            (#"{"sources": {"a": "x", "a": "y"}}"#, #"invalid sources: the key "a" stands twice (c.json)"#),
            (
                #"{"sources": {"a": {"url": "x", "url": "y"}}}"#,
                #"invalid sources.a: the key "url" stands twice (c.json)"#
            ),
            (#"{"sources": {}, "sources": {}}"#, #"the key "sources" stands twice in c.json"#),
            (#"{"source": {}}"#, #"unknown key "source" in c.json: did you mean "sources"?"#),
        ])
    func errors(json: String, reason: String) throws {
        let found = try self.reason(json)
        #expect(found == reason)
    }
}

@Suite("Secrets")
struct SecretTextTests {
    @Test("They are read from where they are, at each reading")
    func reading() throws {
        let plain = try SecretText("a").read()
        #expect(plain == "a")
        let variable = SecretText(environmentVariable: "TOKEN")
        let fromEnvironment = try variable.read(environment: ["TOKEN": "b"])
        #expect(fromEnvironment == "b")
        try withTemporaryFile("c\r\nmore\n") { path in
            let fromFile = try SecretText(file: path).read()
            #expect(fromFile == "c")
        }
    }

    @Test("One that is missing says where it should be")
    func missing() {
        let variable = SecretText(environmentVariable: "TOKEN")
        #expect(throws: SettingError("the environment variable TOKEN is not set; a secret is to be in it")) {
            try variable.read(environment: ["TOKEN": ""])
        }
        #expect(throws: SettingError("cannot read the secret in /nowhere/s: No such file or directory")) {
            try SecretText(file: "/nowhere/s").read()
        }
    }

    @Test("They print themselves in no way")
    func printing() {
        let secret = SecretText("hidden")
        #expect("\(secret)" == "…")
        #expect(!String(reflecting: secret).contains("hidden"))
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("hidden"))
    }
}
