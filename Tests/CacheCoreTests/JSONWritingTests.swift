import Foundation
import TestSupport
import Testing

@testable import CacheCore

/// Texts that are put together by hand.
@Suite struct JSONWritingTests {
    private func written(_ write: (inout [UInt8]) -> Void) -> String {
        var text: [UInt8] = []
        write(&text)
        return String(decoding: text, as: UTF8.self)
    }

    @Test(arguments: [
        ("", "\"\""), ("plain", "\"plain\""), ("\"", "\"\\\"\""), ("\\", "\"\\\\\""), ("a\"b\\c", "\"a\\\"b\\\\c\""),
        ("/", "\"/\""),
        ("\u{8}\t\n\u{C}\r", "\"\\b\\t\\n\\f\\r\""), ("\0\u{1}\u{B}\u{1F}", "\"\\u0000\\u0001\\u000b\\u001f\""),
        ("\u{7F}é漢😀\u{2028}", "\"\u{7F}é漢😀\u{2028}\""), ("\n\n", "\"\\n\\n\""), ("x\n", "\"x\\n\""),
    ])
    func strings(text: String, expected: String) {
        #expect(written { $0.appendJSONString(text) } == expected)
    }

    /// What is written, any JSON reader reads as the same string.
    @Test func stringsComeBack() throws {
        var random = TestSeed.generator()
        for _ in 0..<500 {
            let scalars = (0..<random.below(30)).compactMap { _ in
                Unicode.Scalar(UInt32(random.below(random.oneIn(2) ? 0x80 : 0x110000)))
            }
            let text = String(String.UnicodeScalarView(scalars))
            let json = written { $0.appendJSONString(text) }
            let back = try JSONDecoder().decode(String.self, from: Data(json.utf8))
            #expect(Array(back.unicodeScalars) == scalars)
        }
    }

    @Test func appendsBehindWhatIsThere() {
        #expect(
            written {
                $0.append("{")
                $0.appendJSONString("k")
                $0.append(":")
                $0.append(decimal: 5)
                $0.append("}")
            } == "{\"k\":5}")
    }

    @Test(arguments: [0, 1, 9, 10, 11, 99, 100, 1_234_567_890, .max, -1, -10, .min, .min + 1])
    func wholeNumbers(number: Int) {
        #expect(written { $0.append(decimal: number) } == String(number))
    }

    @Test(
        arguments: [
            (0, "0"), (1, "0.000000001"), (500_000_000, "0.5"), (1_000_000_000, "1"), (1_002_500_000_000, "1002.5"),
            (1_700_000_000_123_456_789, "1700000000.123456789"), (10_000_000, "0.01"), (.max, "9223372036.854775807"),
        ] as [(Int64, String)])
    func seconds(nanoseconds: Int64, expected: String) {
        #expect(written { $0.append(seconds: nanoseconds) } == expected)
    }
}
