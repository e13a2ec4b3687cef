import CacheCore
import CacheService
import Logging
import MicroHTTP
import Testing

@testable import cache_server

@Suite("Where settings come from")
struct SettingSourcesTests {
    private static let machine = Machine(cores: 6, memory: 8 << 30, outputIsTerminal: false)

    /// A configuration from texts; the file, if there is one, is a real one.
    private func configuration(
        flags: [SettingName: String] = [:], environment: [String: String] = [:], file: String? = nil
    ) throws -> ServerConfiguration {
        guard let file else {
            return try ServerConfiguration(
                from: SettingSources(flags: flags, environment: environment), on: Self.machine)
        }
        return try withTemporaryFile(file) { path in
            let sources = try SettingSources(flags: flags.merging(["config": path]) { $1 }, environment: environment)
            return try ServerConfiguration(from: sources, on: Self.machine)
        }
    }

    @Test("A flag goes before the environment, that before the file, that before the default")
    func precedence() throws {
        let file = #"{"port": 3}"#
        #expect(try configuration().http.port == 8080)
        #expect(try configuration(file: file).http.port == 3)
        #expect(try configuration(environment: ["CACHE_PORT": "2"], file: file).http.port == 2)
        #expect(try configuration(flags: ["port": "1"], environment: ["CACHE_PORT": "2"], file: file).http.port == 1)
    }

    @Test("A source that does not name a setting leaves it to the next")
    func mixture() throws {
        let mixed = try configuration(
            flags: ["host": "::1"], environment: ["CACHE_CAPACITY": "10"],
            file: #"{"default_ttl": "1h", "max_memory": "1GiB", "idle_timeout": 5, "threads": null}"#)
        #expect(mixed.http.host == "::1")
        #expect(mixed.cache.capacity == 10)
        #expect(mixed.cache.defaultTTL == .seconds(3600))
        #expect(mixed.cache.memoryLimit == 1 << 30)
        #expect(mixed.http.idleTimeout == .seconds(5))
        #expect(mixed.http.threads == 6)
    }

    @Test("The defaults")
    func defaults() throws {
        let configuration = try configuration()
        #expect(configuration.http.host == "127.0.0.1")
        #expect(configuration.http.threads == 6)
        #expect(configuration.cache.capacity == nil)
        #expect(configuration.cache.memoryLimit == 4 << 30)
        #expect(configuration.cache.defaultTTL == nil)
        #expect(configuration.drainTimeout == .seconds(10))
        #expect(configuration.limits.maxKeyBytes == 512)
        #expect(configuration.limits.maxValueBytes == 8 << 20)
        #expect(configuration.limits.maxBodyBytes == 64 << 20)
        #expect(configuration.limits.maxBulkItems == 10_000)
        #expect(configuration.logLevel == .info)
        #expect(configuration.logFormat == .json)
        let onTerminal = try ServerConfiguration(
            from: SettingSources(flags: [:], environment: [:]),
            on: Machine(cores: 1, memory: nil, outputIsTerminal: true))
        #expect(onTerminal.logFormat == .text)
        #expect(onTerminal.cache.memoryLimit == nil)
    }

    @Test("none takes back what a weaker source says")
    func noneOverrides() throws {
        let configuration = try configuration(
            flags: ["capacity": "none", "max-memory": "none"], environment: ["CACHE_MAX_MEMORY": "1GB"],
            file: #"{"capacity": 5}"#)
        #expect(configuration.cache.capacity == nil)
        #expect(configuration.cache.memoryLimit == nil)
    }

    @Test("An empty environment variable is not set; an empty flag is wrong")
    func empty() throws {
        #expect(try configuration(environment: ["CACHE_PORT": ""]).http.port == 8080)
        #expect(throws: SettingError.self) { try configuration(flags: ["port": ""]) }
    }

    @Test("There are no more threads than there may be connections")
    func threads() throws {
        let configuration = try configuration(flags: ["max-connections": "2"])
        #expect(configuration.http.threads == 2)
        #expect(configuration.effective["threads"]?.description == "2")
    }

    @Test("A message names the setting, the value, where it was found and what it must be")
    func messages() {
        let requirement = "must be a whole number from 0 to 65535"
        expectError(#"invalid port "x" (flag --port): \#(requirement)"#) { try configuration(flags: ["port": "x"]) }
        expectError(#"invalid port "65536" (environment variable CACHE_PORT): \#(requirement)"#) {
            try configuration(environment: ["CACHE_PORT": "65536"])
        }
        expectError(#"invalid port "-1" (key "port" in PATH): \#(requirement)"#) {
            try configuration(file: #"{"port": -1}"#)
        }
        expectError(
            #"invalid max-memory "lots" (environment variable CACHE_MAX_MEMORY): must be a size such as 512MiB, 1GB or "#
                + "65536 (bytes), at least 64KiB, or none"
        ) { try configuration(environment: ["CACHE_MAX_MEMORY": "lots"]) }
        expectError(
            #"invalid log-level "loud" (flag --log-level): must be one of trace, debug, info, notice, warning, error, critical"#
        ) { try configuration(flags: ["log-level": "loud"]) }
    }

    @Test("A message is one line, however long and strange the value")
    func oneLine() throws {
        do {
            _ = try configuration(flags: ["port": "1\n2\u{1b}[31m" + String(repeating: "9", count: 10_000)])
            Issue.record("a bad port was taken")
        } catch let error as SettingError {
            #expect(error.description.count < 250)
            #expect(error.description.unicodeScalars.allSatisfy { $0.value >= 0x20 })
        }
    }

    @Test("A stronger source's mistake is told though a weaker one is right")
    func noFallbackFromMistakes() {
        #expect(throws: SettingError.self) {
            try configuration(flags: ["port": "x"], environment: ["CACHE_PORT": "2"])
        }
    }

    @Test("A file that cannot be used is told with the place that named it")
    func badFile() {
        expectError("cannot read /nonexistent/c.json: No such file or directory (environment variable CACHE_CONFIG)") {
            try SettingSources(flags: [:], environment: ["CACHE_CONFIG": "/nonexistent/c.json"])
        }
        expectError(#"unknown key "prot" in PATH: did you mean "port"? (flag --config)"#) {
            try configuration(file: #"{"prot": 1}"#)
        }
    }

    @Test("The line of the log has every setting, in a form that a setting can be given in")
    func effective() throws {
        let effective = try configuration(
            flags: ["default-ttl": "1.5s"], environment: ["CACHE_MAX_VALUE_BYTES": "1MiB"]
        ).effective
        #expect(Set(effective.keys) == Set(Settings.names.map(\.key) + ["config"]))
        #expect(effective["default_ttl"]?.description == "1.5")
        #expect(effective["max_value_bytes"]?.description == "1048576")
        #expect(effective["capacity"]?.description == "none")
        var again: [SettingName: String] = [:]
        for name in Settings.names { again[name] = effective[name.key]?.description }
        let configuration = try configuration(flags: again)
        #expect(configuration.effective.mapValues(\.description) == effective.mapValues(\.description))
    }

    /// Expects an error whose text is `message`, in which PATH stands for that of a temporary file.
    private func expectError(
        _ message: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Any
    ) {
        do {
            _ = try body()
            Issue.record("no error; expected: \(message)", sourceLocation: sourceLocation)
        } catch {
            let text = String(describing: error)
            let parts = message.split(separator: "PATH", omittingEmptySubsequences: false)
            let isExpected =
                parts.count == 1
                ? text == message : text.hasPrefix(parts[0]) && text.hasSuffix(parts[1])
            #expect(isExpected, "\(text)", sourceLocation: sourceLocation)
        }
    }
}
