import Testing

@testable import cache_server

@Suite("The configuration file")
struct ConfigurationFileTests {
    private static let settings: [SettingName] = ["host", "port", "max-memory"]

    private func texts(_ json: String) throws -> [SettingName: String] {
        try ConfigurationFile(json: Array(json.utf8), path: "c.json", settings: Self.settings).texts
    }

    private func reason(_ json: String) -> String? {
        do throws(ConfigurationFile.ReadError) {
            _ = try ConfigurationFile(json: Array(json.utf8), path: "c.json", settings: Self.settings)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test("Strings are their text, numbers their digits, null is nothing")
    func values() throws {
        #expect(try texts("{}") == [:])
        #expect(
            try texts(#" { "host": "a\u00e9\n", "port": 12345678901234567890, "max_memory": null } "#)
                == ["host": "aé\n", "port": "12345678901234567890"])
        #expect(try texts(#"{"port":1.50}"#) == ["port": "1.50"])
    }

    @Test("A key that is no setting is an error with the nearest one")
    func unknownKeys() {
        #expect(reason(#"{"max_memroy": 1}"#) == #"unknown key "max_memroy" in c.json: did you mean "max_memory"?"#)
        #expect(reason(#"{"max-memory": 1}"#) == #"unknown key "max-memory" in c.json: did you mean "max_memory"?"#)
        #expect(reason(#"{"Port": 1}"#) == #"unknown key "Port" in c.json: did you mean "port"?"#)
        #expect(reason(#"{"hots": 1}"#) == #"unknown key "hots" in c.json: did you mean "host"?"#)
    }

    @Test("Every setting but the file itself is a key")
    func keys() throws {
        for name in Settings.names {
            let json = #"{"\#(name.key)": "x"}"#
            let file = try ConfigurationFile(json: Array(json.utf8), path: "c.json", settings: Settings.names)
            #expect(file.texts == [name: "x"])
        }
        #expect(!Settings.names.contains(Settings.config.name))
    }

    @Test(
        "What is no value of a setting is an error that names the key and the type",
        arguments: [("true", "true"), ("[1]", "an array"), ("{}", "an object")])
    func types(json: String, type: String) {
        #expect(
            reason(#"{"port": \#(json)}"#)
                == #"invalid value of key "port" in c.json: must be a string or a number, not \#(type)"#)
    }

    @Test("A key that stands twice is an error")
    func duplicates() {
        #expect(reason(#"{"port": 1, "port": 2}"#) == #"the key "port" stands twice in c.json"#)
    }

    @Test("What is no object is an error with an example", arguments: ["[]", "1", "null", #""port""#])
    func noObject(json: String) {
        #expect(reason(json) == #"c.json must be a JSON object such as {"port": 8080}"#)
    }

    @Test(
        "What is no JSON is an error with its place",
        arguments: [
            ("", "line 1, column 1"), ("{\n  \"port\": 1 2\n}", "line 2, column 13"),
            ("{\"port\": 1,}", "line 1, column 12"),
            ("{\n\n", "line 3, column 1"),
        ])
    func noJSON(json: String, place: String) throws {
        let message = try #require(reason(json))
        #expect(message.hasPrefix("c.json is not valid JSON: "))
        #expect(message.hasSuffix(", at \(place)"), "\(message)")
    }

    @Test(
        "The distance between words",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "ab", 2), ("port", "port", 0), ("kitten", "sitting", 3),
            ("prot", "port", 2),
        ])
    func editDistance(word: String, other: String, distance: Int) {
        #expect(word.editDistance(to: other) == distance)
        #expect(other.editDistance(to: word) == distance)
    }
}
