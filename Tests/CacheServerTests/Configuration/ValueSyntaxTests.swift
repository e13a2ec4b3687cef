import Logging
import Testing

@testable import cache_server

@Suite("The syntax of values")
struct ValueSyntaxTests {
    @Test("A whole number is digits within its bounds")
    func integer() {
        let port = ValueSyntax.integer(in: 0...65535)
        #expect(port.parse("0") == 0)
        #expect(port.parse("065535") == 65535)
        for text in ["", "-1", "+1", "65536", "1.0", "1_000", "0x50", " 80", "80 ", "99999999999999999999"] {
            #expect(port.parse(text) == nil, "\(text)")
        }
    }

    @Test("What a value must be says its bounds, and no upper one where there is none")
    func requirements() {
        #expect(ValueSyntax.integer(in: 1...9).requirement == "a whole number from 1 to 9")
        #expect(ValueSyntax.integer(in: 1...Int.max).requirement == "a whole number, at least 1")
        #expect(
            ValueSyntax.size(in: 1...(8 << 20)).requirement
                == "a size such as 512MiB, 1GB or 65536 (bytes) from 1 to 8MiB")
        #expect(
            ValueSyntax.duration(in: .zero...(.seconds(86_400))).requirement
                == "a duration such as 500ms, 30s, 2m, 1h or 30 (seconds) from 0s to 1d")
        #expect(ValueSyntax<LogFormat>.word("format").requirement == "one of text, json")
    }

    @Test("Sizes and durations beyond their bounds are refused, those on them are not")
    func bounds() {
        let size = ValueSyntax.size(in: 1024...2048)
        #expect(size.parse("1023") == nil)
        #expect(size.parse("1KiB") == 1024)
        #expect(size.parse("2KiB") == 2048)
        #expect(size.parse("2049") == nil)
        let duration = ValueSyntax.duration(in: .milliseconds(1)...(.seconds(1)))
        #expect(duration.parse("0") == nil)
        #expect(duration.parse("1ms") == .milliseconds(1))
        #expect(duration.parse("1s") == .seconds(1))
        #expect(duration.parse("1001ms") == nil)
    }

    @Test("The word none is no value where there may be none, and only there")
    func none() throws {
        let optional: ValueSyntax<Int?> = .orNone(.integer(in: 1...9))
        let none = try #require(optional.parse("none"))
        #expect(none == nil)
        #expect(optional.parse("3") == .some(3))
        #expect(optional.parse("0") == nil)
        #expect(optional.write(nil) == "none")
        #expect(optional.requirement == "a whole number from 1 to 9, or none")
        #expect(ValueSyntax.integer(in: 1...9).parse("none") == nil)
    }

    @Test("The log has bytes and seconds as numbers")
    func logged() {
        #expect(ValueSyntax.size(in: 0...Int.max).logged(8 << 20).description == "8388608")
        let duration = ValueSyntax.duration(in: .zero...(.seconds(9)))
        #expect(duration.logged(.seconds(2)).description == "2")
        #expect(duration.logged(.milliseconds(1500)).description == "1.5")
        #expect(ValueSyntax<Logger.Level>.word("level").logged(.info).description == "info")
    }
}
