import Logging
import Synchronization
import Testing

@testable import cache_server

@Suite("Lines of the log")
struct LineLogHandlerTests {
    /// Keeps what is written to it.
    private final class Lines: Sendable {
        private let written = Mutex("")
        var text: String { written.withLock { $0 } }
        func write(_ line: String) { written.withLock { $0 += line } }
    }

    private func logger(_ format: LogFormat, level: Logger.Level = .info, to lines: Lines) -> Logger {
        let handler = LineLogHandler(
            level: level, format: format, now: { Timestamp(milliseconds: 1_767_225_599_007) },
            write: { lines.write($0) })
        return Logger(label: "test") { _ in handler }
    }

    @Test("JSON: one object, numbers as numbers, names in order")
    func json() {
        let lines = Lines()
        let logger = logger(.json, to: lines)
        logger.info("listening", metadata: ["port": .stringConvertible(8080), "address": "127.0.0.1"])
        logger.warning(
            "odd",
            metadata: [
                "flag": .stringConvertible(true), "ratio": .stringConvertible(0.5),
                "nan": .stringConvertible(Double.nan),
                "word": "8080", "list": ["a", .stringConvertible(1)],
                "nested": ["b": "2", "a": .stringConvertible(-1)],
            ])
        #expect(
            lines.text == """
                {"time":"2025-12-31T23:59:59.007Z","level":"info","message":"listening","address":"127.0.0.1","port":8080}
                {"time":"2025-12-31T23:59:59.007Z","level":"warning","message":"odd","flag":true,"list":["a",1],"nan":"nan",\
                "nested":{"a":-1,"b":"2"},"ratio":0.5,"word":"8080"}

                """)
    }

    @Test("JSON: whatever is said, a line stays one line and an object has no name twice")
    func escapes() {
        let lines = Lines()
        logger(.json, to: lines).error(
            "a \"b\"\\\n\t\u{1}\u{7f}é😀", metadata: ["time": "x", "level": "y", "message": "z", "new\nline": "\r"])
        #expect(
            lines.text == #"{"time":"2025-12-31T23:59:59.007Z","level":"error","message":"a \"b\"\\\n\t\u0001"#
                + "\u{7f}é😀" + #"","level_":"y","message_":"z","new\nline":"\r","time_":"x"}"# + "\n")
    }

    @Test("Text: words as they are, the rest in quotes")
    func text() {
        let lines = Lines()
        logger(.text, to: lines).info(
            "listening",
            metadata: [
                "port": .stringConvertible(8080), "host": "a b", "empty": "", "list": ["x"], "e": "\n",
            ])
        logger(.text, to: lines).critical("over")
        #expect(
            lines.text == #"""
                2025-12-31T23:59:59.007Z INFO     listening e="\n" empty="" host="a b" list=["x"] port=8080
                2025-12-31T23:59:59.007Z CRITICAL over

                """#)
    }

    @Test("Below its level nothing is written")
    func level() {
        let lines = Lines()
        var logger = logger(.text, level: .warning, to: lines)
        logger.info("no")
        #expect(lines.text == "")
        logger.logLevel = .debug
        logger.debug("yes")
        #expect(lines.text == "2025-12-31T23:59:59.007Z DEBUG    yes\n")
    }

    @Test("A logger's own metadata is in every line, and an event's goes before it")
    func metadata() {
        let lines = Lines()
        var logger = logger(.json, to: lines)
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "b"] = "logger"
        logger.info("m", metadata: ["b": "event"])
        #expect(lines.text.hasSuffix(#""message":"m","a":"logger","b":"event"}"# + "\n"))
    }

    @Test(
        "A moment is written in UTC to the millisecond",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_999, "2000-02-29T00:00:00.999Z"),
            (4_102_444_799_010, "2099-12-31T23:59:59.010Z"),
        ])
    func timestamp(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).description == text)
    }

    @Test("The clock runs")
    func now() {
        // Between the days that this was written and that nobody will run it any more.
        #expect((1_700_000_000_000..<32_503_680_000_000).contains(Timestamp.now().milliseconds))
    }
}
