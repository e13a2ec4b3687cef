import Testing

@testable import CacheCore

/// What is JSON and what is not, by tables and at the edges of what is read at once.
@Suite("JSON syntax")
struct JSONSyntaxTests {
    /// Texts, and what they are without insignificant white space.
    static let accepted: [(text: String, minified: String)] =
        [
            "null", "true", "false", "0", "-0", "1", "-1", "10", "1234567890", "12345678901234567890123",
            "-9223372036854775809",
            "0.5", "-0.0", "1.0", "1.10", "0e0", "0E+0", "1e1", "1E-1", "1.5e+10", "1e400", "-1e-400",
            "1e99999999999999999999",
            "123456789012345678901234567890.123456789012345678901234567890e-123456789012345678901234567890",
            #""""#, #""a""#, #"" ""#, #"" a  b ""#, #""\"\\\/\b\f\n\r\t""#, #""\u0000""#, #""\u001f\u007F\u00e9""#,
            #""\uD83D\uDE00""#,
            // Escapes of surrogates without a partner are valid text.
            #""\ud800""#, #""\uDFFF""#, #""\udc00\ud800""#, #""\uD800\u0041""#,
            // What looks like structure, white space or a comment.
            #""{}[],:""#, #""\\""#, #""\\\"""#, #""// /* */""#, "\"\u{7F}\"",
            "\"\u{2028}\u{2029}\u{FEFF}\u{FFFE}\u{FFFF}\"",
            "\"\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFD}\u{10000}\u{10FFFF}\"", "\"é漢😀\"",
            "[]", "[[]]", "[[],[]]", "[0]", "[null,true,false]", #"["a","b"]"#, "[1,[2,[3,[4]]]]", "[{}]", "[{},[]]",
            "[1e1,-0,0.1]",
            "{}", #"{"":0}"#, #"{"a":1}"#, #"{"a":1,"a":2}"#, #"{"a":{"b":{"c":[]}}}"#, #"{"\u0061":"\u0061"}"#,
            #"{"a":[],"b":{}}"#,
            #"{"a":null,"b":true,"c":false,"d":0,"e":"","f":[],"g":{}}"#,
        ].map { ($0, $0) } + [
            (" null", "null"), ("null ", "null"), ("\t\n\r null\r\n\t ", "null"), (" 1 ", "1"),
            (" \"a b\" ", "\"a b\""),
            (" [ ] ", "[]"), ("{\n}", "{}"), ("[ 1 , 2 ]", "[1,2]"), ("[1\n,2\t,\r3 ]", "[1,2,3]"),
            (#"{ "a" : 1 , "b" : [ true , null ] }"#, #"{"a":1,"b":[true,null]}"#),
            ("{\n  \"a b\": \"c  d\",\n  \"e\": {\n    \"f\": []\n  }\n}\n", #"{"a b":"c  d","e":{"f":[]}}"#),
        ]

    @Test(arguments: accepted)
    func accepts(_ text: String, minified: String) {
        var document = JSONDocument()
        for padding in PaddedText.paddings {
            let outcome = JSONOutcome(parsing: Array(text.utf8), padding: padding, with: &document)
            #expect(outcome == .valid(minified: Array(minified.utf8)))
        }
    }

    /// Texts, the first byte that is wrong, and a word of the reason.
    static let refused: [(text: String, offset: Int, word: String)] = [
        // Nothing, or nothing at all of value.
        ("", 0, "unexpected end"), (" ", 1, "unexpected end"), ("\n\t\r ", 4, "expected a value"),
        ("\u{FEFF}", 0, "byte order mark"),
        ("\u{FEFF}{}", 0, "byte order mark"), ("\u{B}1", 0, "a value"), ("\u{C}1", 0, "a value"),
        ("\u{A0}1", 0, "a value"), ("\0", 0, "a value"),
        ("\u{1A}", 0, "a value"), ("x", 0, "a value"), ("é", 0, "a value"), ("'a'", 0, "a value"),
        ("\\\"a\"", 0, "a value"), ("// a\n1", 0, "a value"),
        // Literals.
        ("t", 1, "true"), ("tru", 3, "true"), ("truE", 3, "true"), ("True", 0, "a value"), ("nul", 3, "null"),
        ("nil", 1, "null"), ("fals e", 4, "false"),
        ("falsey", 5, "end of the text"), ("truetrue", 4, "end of the text"), ("true false", 5, "end of the text"),
        ("NaN", 0, "a value"),
        ("Infinity", 0, "a value"), ("undefined", 0, "a value"), ("[nullx]", 5, "',' or ']'"),
        ("null\0", 4, "end of the text"),
        // Numbers.
        ("-", 1, "digit"), ("+1", 0, "a value"), ("--1", 1, "digit"), ("- 1", 1, "digit"), ("-a", 1, "digit"),
        ("01", 1, "zero"), ("-01", 2, "zero"), ("00", 1, "zero"),
        (".5", 0, "a value"), ("1.", 2, "digit"), ("1.e1", 2, "digit"), ("1.x", 2, "digit"), ("1e", 2, "digit"),
        ("1e+", 3, "digit"), ("1E-x", 3, "digit"), ("1.5e", 4, "digit"),
        ("1.2.3", 3, "end of the text"), ("1e2e3", 3, "end of the text"), ("0x10", 1, "end of the text"),
        ("1 2", 2, "end of the text"), ("1_000", 1, "end of the text"),
        ("-Infinity", 1, "digit"), ("1é", 1, "end of the text"), ("[1\"\"]", 2, "',' or ']'"), ("[-]", 2, "digit"),
        ("[1.]", 3, "digit"), ("1,", 1, "end of the text"),
        // Strings.
        (#"""#, 1, "closing quote"), (#""a"#, 2, "closing quote"), (#""\""#, 3, "closing quote"),
        (#""\"#, 2, "after a backslash"), (#""\x""#, 2, "after a backslash"),
        (#""\ ""#, 2, "after a backslash"), (#""\U0041""#, 2, "after a backslash"), (#""\u""#, 3, "hexadecimal"),
        (#""\u00""#, 5, "hexadecimal"), (#""\u00g0""#, 5, "hexadecimal"),
        (#""\u 041""#, 3, "hexadecimal"), (#""\u004"#, 6, "hexadecimal"), (#""\u{41}""#, 3, "hexadecimal"),
        (#""\u004g""#, 6, "hexadecimal"), (#"["\u00e"]"#, 7, "hexadecimal"), (#""\v""#, 2, "after a backslash"),
        (#"["\'"]"#, 3, "after a backslash"),
        ("\"\u{1F}\"", 1, "control character"), ("\"\0\"", 1, "control character"),
        ("\"a\nb\"", 2, "control character"), ("\"\t\"", 1, "control character"),
        ("\"\\\u{1}\"", 2, "after a backslash"), (#""a"b"#, 3, "end of the text"), (#""a""b""#, 3, "end of the text"),
        (#""a" "b""#, 4, "end of the text"), (#""a"1"#, 3, "end of the text"), (#""\é""#, 2, "after a backslash"),
        // Arrays.
        ("[", 1, "a value or ']'"), ("]", 0, "a value"), ("[1", 2, "',' or ']'"), ("[1,", 3, "a value"),
        ("[1,]", 3, "a value"), ("[,1]", 1, "a value"), ("[1,,2]", 3, "a value"),
        ("[1 2]", 3, "',' or ']'"), ("[1}", 2, "',' or ']'"), ("[1:2]", 2, "',' or ']'"), ("[]]", 2, "end of the text"),
        ("[][]", 2, "end of the text"), ("[\"a\"", 4, "',' or ']'"),
        ("[[]", 3, "',' or ']'"), ("[}", 1, "a value"), ("[:]", 1, "a value"), ("[1]x", 3, "end of the text"),
        ("[\"a", 3, "closing quote"), ("[1\u{C},2]", 2, "',' or ']'"),
        // Objects.
        ("{", 1, "or '}'"), ("}", 0, "a value"), ("{1:2}", 1, "in double quotes"), ("{a:1}", 1, "in double quotes"),
        ("{'a':1}", 1, "in double quotes"), (#"{"a""#, 4, "':'"),
        (#"{"a" 1}"#, 5, "':'"), (#"{"a",1}"#, 4, "':'"), (#"{"a"x:1}"#, 4, "':'"), (#"{"a":"#, 5, "a value"),
        (#"{"a":}"#, 5, "a value"), (#"{"a":1"#, 6, "',' or '}'"), (#"{"a":1,"#, 7, "in double quotes"),
        (#"{"a":1,}"#, 7, "in double quotes"), (#"{"a":1]"#, 6, "',' or '}'"), (#"{"a":1 "b":2}"#, 7, "',' or '}'"),
        (#"{"a":1,,"b":2}"#, 7, "in double quotes"), (#"{,"a":1}"#, 1, "in double quotes"),
        (#"{"a"::1}"#, 5, "a value"), (#"{"a":1:2}"#, 6, "',' or '}'"), ("{}}", 2, "end of the text"),
        ("{[]:1}", 1, "in double quotes"), (#"{"a":1}{}"#, 7, "end of the text"), ("{]", 1, "in double quotes"),
        (#"{"a":truex}"#, 9, "',' or '}'"), (#"{"a":1,"b"}"#, 10, "':'"), (#"{"a":1,1}"#, 7, "in double quotes"),
        (#"{null:1}"#, 1, "in double quotes"),
        // The first of several faults, whoever finds it.
        ("[1,,\"\u{1}\"]", 3, "a value"), ("[\"\u{1}\",,]", 2, "control character"), (#"{"a: 1, "b": "x"}"#, 9, "':'"),
        ("[tru, \"\\x\", \"\u{1}\"", 4, "true"),
        (#"{"a":1,"b":"x}"#, 14, "closing quote"), ("[\"a\",\"\\u12", 10, "hexadecimal"),
        ("[1 \"a\nb\"]", 3, "',' or ']'"),
    ]

    @Test(arguments: refused)
    func refuses(_ text: String, at offset: Int, saying word: String) {
        var document = JSONDocument()
        for padding in PaddedText.paddings {
            let error = document.error(parsing: Array(text.utf8), padding: padding)
            #expect(error?.offset == offset)
            #expect(error?.reason.contains(word) == true, "\(error?.reason ?? "")")
            #expect(error?.description.hasSuffix(", at byte \(offset)") == true)
            #expect(error?.reason.hasPrefix("unexpected end of the text: ") == (offset == text.utf8.count))
        }
        #expect(ReferenceJSON.firstError(in: Array(text.utf8), maxDepth: JSONDocument.maxDepth) == offset)
    }

    /// Byte sequences that are no UTF-8, and how many of their bytes could still begin a character.
    static let brokenUTF8: [(bytes: [UInt8], good: Int)] = [
        ([0x80], 0), ([0xBF], 0), ([0xC0, 0x80], 0), ([0xC1, 0xBF], 0), ([0xE0, 0x80, 0x80], 1),
        ([0xE0, 0x9F, 0xBF], 1),
        ([0xF0, 0x80, 0x80, 0x80], 1), ([0xF0, 0x8F, 0xBF, 0xBF], 1), ([0xED, 0xA0, 0x80], 1), ([0xED, 0xBF, 0xBF], 1),
        ([0xF4, 0x90, 0x80, 0x80], 1), ([0xF5, 0x80, 0x80, 0x80], 0), ([0xF8, 0x88, 0x80, 0x80, 0x80], 0), ([0xFE], 0),
        ([0xFF], 0),
        ([0xC3], 1), ([0xE6, 0xBC], 2), ([0xE6], 1), ([0xF0, 0x9F, 0x98], 3), ([0xF0, 0x9F], 2), ([0xF0], 1),
        ([0xC3, 0xC3, 0xA9], 1), ([0xE6, 0xBC, 0x41], 2), ([0xC3, 0xA9, 0xA9], 2),
    ]

    @Test(arguments: brokenUTF8)
    func refusesBrokenUTF8(_ bytes: [UInt8], good: Int) {
        var document = JSONDocument()
        // At every place in a block, closed, broken off by the end of the text, and outside of a string.
        for before in 0..<140 {
            let start = [UInt8(ascii: "\"")] + [UInt8](repeating: UInt8(ascii: "a"), count: before) + bytes
            for text in [start + [UInt8(ascii: "\"")], start] {
                let outcome = JSONOutcome(parsing: text, with: &document)
                #expect(outcome == .invalid(offset: 1 + before + good), "after \(before) bytes")
            }
            let outside = [UInt8](repeating: UInt8(ascii: " "), count: before) + bytes
            #expect(JSONOutcome(parsing: outside, with: &document) == .invalid(offset: before))
        }
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":", "{\"a\":["])
    func boundsDepth(_ opening: String) {
        var document = JSONDocument()
        let closing = String(opening.reversed().compactMap { ["[": "]", "{": "}"][$0] as Character? })
        let levels = closing.count
        func nested(_ depth: Int) -> [UInt8] {
            let whole = depth / levels
            let more = depth % levels
            let last = more == 0 ? "" : opening.first == "[" ? "[" : "{\"a\":"
            let lastClosing = more == 0 ? "" : opening.first == "[" ? "]" : "}"
            return Array(
                (String(repeating: opening, count: whole) + last + "1" + lastClosing
                    + String(repeating: closing, count: whole)).utf8)
        }
        for depth in [1, 2, 1023, 1024] {
            #expect(
                JSONOutcome(parsing: nested(depth), with: &document) == .valid(minified: nested(depth)),
                "\(depth) levels")
        }
        for depth in [1025, 1026, 5000] {
            let text = nested(depth)
            let reference = JSONOutcome(reference: text)
            #expect(reference != .valid(minified: text))
            #expect(JSONOutcome(parsing: text, with: &document) == reference, "\(depth) levels")
            #expect(document.error(parsing: text)?.reason.contains("1024") == true)
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["[", "{\"a\":", "[[[[{\"\":"])
    func refusesMuchNesting(_ opening: String) {
        var document = JSONDocument()
        let text = Array(String(repeating: opening, count: 10_000_000 / opening.utf8.count).utf8)
        #expect(JSONOutcome(parsing: text, with: &document) == JSONOutcome(reference: text))
    }

    /// Tokens, good and bad, that must be read alike wherever they cross a block of 16, 64 or 128 bytes.
    static let tokens: [String] = [
        #""""#, #""a""#, #""\"""#, #""\\""#, #""\\\"""#, #""\\\\""#, #""\\\\\"\\""#, #""\u00e9\uD83D\uDE00""#,
        #""é漢😀""#, #""{[,:]}""#, #"" \\ ""#,
        "0", "-1", "12345678901234567890", "-12.5e+10", "1e400", "true", "false", "null", "[]", "{}", "[[],{}]",
        #"{"a\\":"\"b"}"#, "[1,2,3]", "[ 1 , 2 ]",
        #""\\\"#, #""\"#, #"\""#, #""\x""#, #""\u12x4""#, #""a"b"#, #""a\"#, "01", "1.", "-", "1x", "tru", "truee",
        "nulll", "[1,]", "{1}", "{\"a\"}", "[}", "1 1", "\"\u{1}\"", "\"\t",
    ]

    @Test(arguments: tokens)
    func readsTokensAnywhere(_ token: String) {
        var document = JSONDocument()
        for before in 0..<140 {
            let spaces = String(repeating: " ", count: before)
            let letters = String(repeating: "x", count: before)
            for text in [
                "\(spaces)\(token)", "[\"\(letters)\",\(token)]", "[\"\(letters)\" , \(token) ]",
                "{\"\(letters)\":\(token),\"b\":\"\\\\\"}",
            ] {
                let bytes = Array(text.utf8)
                #expect(
                    JSONOutcome(parsing: bytes, padding: UInt8(ascii: "\""), with: &document)
                        == JSONOutcome(reference: bytes), "\(text)")
            }
        }
    }

    @Test func readsRunsOfBackslashesAnywhere() {
        var document = JSONDocument()
        for run in 0..<70 {
            for before in 0..<70 {
                let text = Array(
                    "[\"\(String(repeating: "x", count: before))\(String(repeating: "\\", count: run))\",\"y\"]".utf8)
                #expect(
                    JSONOutcome(parsing: text, with: &document) == JSONOutcome(reference: text),
                    "\(run) backslashes after \(before)")
            }
        }
    }
}
