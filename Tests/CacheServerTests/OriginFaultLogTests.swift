import Logging
import ReadThrough
import Synchronization
import Testing

@testable import cache_server

@Suite("The log of origins that give no answer")
struct OriginFaultLogTests {
    @Test("A line an origin and second, with its reason and without its query")
    func lines() throws {
        let lines = Lines()
        let handler = LineLogHandler(
            level: .info, format: .json, now: { Timestamp(milliseconds: 0) }, write: { lines.write($0) })
        let log = OriginFaultLog(Logger(label: "test") { _ in handler })
        let one = OriginRoute(template: try OriginTemplate("http://one:1/{key}?token=secret"))
        let two = OriginRoute(template: try OriginTemplate("http://two:2/{key}"))
        let start = ContinuousClock.now
        log.add(one, .unreachable("http://one:1: refused"), now: start)
        for _ in 0..<100 { log.add(one, .timedOut, now: start + .milliseconds(999)) }
        log.add(two, .broken("http://two:2: reset"), now: start)
        log.add(one, .tooLarge, now: start + .seconds(1))
        func line(_ error: String, _ origin: String, _ untold: Int) -> String {
            """
            {"time":"1970-01-01T00:00:00.000Z","level":"warning","message":"a load failed",\
            "error":"\(error)","origin":"\(origin)","untold_before":\(untold)}

            """
        }
        #expect(
            lines.text == line("http://one:1: refused", "http://one:1/{key}?…", 0)
                + line("http://two:2: reset", "http://two:2/{key}", 0)
                + line("its answer has more bytes than a value may have", "http://one:1/{key}?…", 100))
    }

    /// Keeps what is written to it.
    private final class Lines: Sendable {
        private let written = Mutex("")
        var text: String { written.withLock { $0 } }
        func write(_ line: String) { written.withLock { $0 += line } }
    }
}
