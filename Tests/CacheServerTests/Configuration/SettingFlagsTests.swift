import ArgumentParser
import Configuration
import Testing

@testable import cache_server

@Suite("Flags and their help")
struct SettingFlagsTests {
    private static let names = Settings.names + [Settings.config.name]

    @Test("Each setting's flag is read, and told by the setting's name")
    func flags() throws {
        let arguments = Self.names.flatMap { [$0.flag, "text of \($0.key)"] }
        let command = try #require(try CacheServer.parseAsRoot(arguments) as? Serve)
        #expect(command.flags.given.count == Self.names.count)
        for (name, text) in command.flags.given {
            // One that can be given several times ends each with its line.
            #expect(text == "text of \(name.key)" + (name == Settings.warm.name ? "\n" : ""))
        }
        let several = try #require(try CacheServer.parseAsRoot(["--warm", "a b", "--warm", "c"]) as? Serve)
        #expect(several.flags.given == ["warm": "a b\nc\n"])
        let named = try #require(try CacheServer.parseAsRoot(["serve", "--port=1"]) as? Serve)
        #expect(named.flags.given == ["port": "1"])
    }

    @Test("No flags, nothing given")
    func noFlags() throws {
        let command = try #require(try CacheServer.parseAsRoot([]) as? Serve)
        #expect(command.flags.given.isEmpty)
    }

    @Test("The name of an environment variable is the one that its provider looks for", arguments: names)
    func environmentVariables(name: SettingName) throws {
        let provider = EnvironmentVariablesProvider(environmentVariables: [name.environmentVariable: "x"])
        let found = try provider.value(forKey: AbsoluteConfigKey(name), type: .string)
        #expect(found.encodedKey == name.environmentVariable)
        #expect(found.value?.content == .string("x"))
    }

    @Test(
        "The help has each flag, its environment variable and the sections",
        arguments: [["--help"], ["serve", "-h"]])
    func help(arguments: [String]) throws {
        let help = try #require(message(arguments))
        let words = help.split { $0.isWhitespace }.joined(separator: " ")
        for name in Self.names {
            #expect(help.contains("  \(name.flag) <"), "\(name.flag)")
            #expect(words.contains("env: \(name.environmentVariable),"), "\(name.environmentVariable)")
        }
        for section in ["NETWORK:", "CACHE:", "LIMITS OF A REQUEST:", "LOGGING:", "CONFIGURATION:"] {
            #expect(help.contains("\n\(section)\n"), "\(section)")
        }
        #expect(help.contains("cache-server demo"))
        #expect(help.contains("cache-server healthcheck"))
    }

    @Test("The help has defaults as they would be written")
    func defaults() throws {
        let help = try #require(message(["--help"])).split { $0.isWhitespace }.joined(separator: " ")
        for text in [
            "CACHE_PORT, default: 8080)", "CACHE_IDLE_TIMEOUT, default: 60s)", "CACHE_MAX_VALUE_BYTES, default: 8MiB)",
            "CACHE_CAPACITY, default: none)", "text, json (env: CACHE_LOG_FORMAT",
        ] {
            #expect(help.contains(text), "\(text)")
        }
    }

    @Test("The other commands have help of their own, and the program a version")
    func otherCommands() throws {
        #expect(try #require(message(["demo", "--help"])).contains("--operations <number>"))
        #expect(try #require(message(["healthcheck", "--help"])).contains("--timeout <duration>"))
        #expect(message(["--version"]) == CacheServer.version)
    }

    @Test(
        "A mistake in the arguments is status 64",
        arguments: [
            ["--bogus"], ["--port"], ["serve", "x"], ["demo", "--port", "1"], ["demo", "--operations", "0"],
            ["demo", "--capacity", "x"], ["healthcheck", "--timeout", "soon"],
        ])
    func mistakes(arguments: [String]) {
        do {
            _ = try CacheServer.parseAsRoot(arguments)
            Issue.record("\(arguments) were taken")
        } catch {
            #expect(CacheServer.exitCode(for: error).rawValue == 64)
            #expect(!CacheServer.fullMessage(for: error, columns: 80).isEmpty)
        }
    }

    /// What the program says, and ends, when it parses `arguments`; nil if it would go on. Eighty columns wide.
    private func message(_ arguments: [String]) -> String? {
        do {
            var command = try CacheServer.parseAsRoot(arguments)
            // A request for help is a command of its own, whose run throws the help.
            if command is Serve || command is Demo || command is Healthcheck { return nil }
            try command.run()
            return nil
        } catch {
            return CacheServer.fullMessage(for: error, columns: 80)
        }
    }
}
