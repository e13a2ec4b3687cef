import Testing

@testable import CacheCore

/// What a parsed document says of its nodes.
@Suite("JSON documents")
struct JSONDocumentTests {
    private func with<R>(_ text: String, _ body: (borrowing JSONDocument) throws -> R) throws -> R {
        var document = JSONDocument()
        return try PaddedText.with(Array(text.utf8)) { bytes in
            try document.parse(bytes)
            return try body(document)
        }
    }

    private func string(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func tellsKinds() throws {
        try with(#" [ {} , [] , "" , 0 , -1 , true , false , null ] "#) { document in
            #expect(document.kind(of: document.root) == .array)
            let kinds = document.children(of: document.root).map { document.kind(of: $0) }
            #expect(kinds == [.object, .array, .string, .number, .number, .bool, .bool, .null])
        }
    }

    @Test func walksMembers() throws {
        try with(" { \"a\" : [ 1 , 2 ] ,\n \"b c\" : { \"d\" : \"e\" } , \"f\" : \" g \" } ") { document in
            let children = document.children(of: document.root)
            #expect(
                children.map { string(document.source(of: $0)) } == [
                    "\"a\"", "[ 1 , 2 ]", "\"b c\"", "{ \"d\" : \"e\" }", "\"f\"", "\" g \"",
                ])
            #expect(children.map { document.minifiedCount(of: $0) } == [3, 5, 5, 9, 3, 5])
            #expect(document.children(of: children[1]).map { string(document.source(of: $0)) } == ["1", "2"])
            #expect(document.nextSibling(of: document.root) == nil)
            #expect(document.firstChild(of: children[0]) == nil)
        }
    }

    @Test(arguments: ["{}", "[]", " [ ] ", "\"a\"", "12", " null "])
    func hasNoChildrenWhereThereAreNone(_ text: String) throws {
        try with(text) { document in
            #expect(document.firstChild(of: document.root) == nil)
            #expect(document.nextSibling(of: document.root) == nil)
        }
    }

    @Test func minifiesAPartOfAText() throws {
        try with(
            "{\"a\": [1,2,3], \"b\": [ 1, {\n\"x\" : \"y z\" } ], \"c\":\"long enough to be copied in more than one piece\" }"
        ) { document in
            let children = document.children(of: document.root)
            #expect(document.minified(children[1]) == Array("[1,2,3]".utf8))
            #expect(document.minified(children[3]) == Array(#"[1,{"x":"y z"}]"#.utf8))
            #expect(document.minified(children[5]) == Array(document.source(of: children[5])))
        }
    }

    @Test func writesNothingBesideTheBuffer() throws {
        var generator = JSONTextGenerator()
        print("JSON minified between guards: seed \(generator.seed)")
        for _ in 0..<300 {
            let sample = generator.sample()
            try with(String(decoding: sample.text, as: UTF8.self)) { document in
                let guardCount = 32
                let count = document.minifiedCount(of: document.root)
                var bytes = [UInt8](repeating: 0xA5, count: count + 2 * guardCount)
                bytes.withUnsafeMutableBytes { whole in
                    let inner = UnsafeMutableRawBufferPointer(rebasing: whole[guardCount..<guardCount + count])
                    document.minify(document.root, into: inner)
                }
                #expect(bytes[guardCount..<guardCount + count].elementsEqual(sample.minified), "seed \(generator.seed)")
                #expect(
                    (bytes.prefix(guardCount) + bytes.suffix(guardCount)).allSatisfy { $0 == 0xA5 },
                    "seed \(generator.seed)")
            }
        }
    }

    static let contents: [(text: String, content: String?)] = [
        (#""""#, ""), (#""a""#, "a"), (#""é漢😀""#, "é漢😀"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
        (#""a\nb\tc""#, "a\nb\tc"),
        (#""\u0000""#, "\0"), (#""\u0041\u00e9\u6F22""#, "Aé漢"), (#""\u07ff\u0800\uffff""#, "\u{7FF}\u{800}\u{FFFF}"),
        (#""\uD83D\uDE00""#, "😀"),
        (#""\ud800\udc00\uDBFF\uDFFF""#, "\u{10000}\u{10FFFF}"), (#""\\u0041""#, "\\u0041"),
        (#""\\\u0041\\""#, "\\A\\"), (#""x\uD83D\uDE00\uD83D\uDE00y""#, "x😀😀y"),
        (#""\ud800""#, nil), (#""\udc00""#, nil), (#""a\ud800b""#, nil), (#""\ud800\u0041""#, nil),
        (#""\ud800\ud800\udc00""#, nil), (#""\ud800\ud800""#, nil), (#""\ud800\udbff""#, nil),
        (#""\ud800\ue000""#, nil), (#""\udc00\udc00""#, nil), (#""\udc00\ud800""#, nil),
        (#""\ud800\n""#, nil), (#""\ud800udc00""#, nil), (#""\ud800\\udc00""#, nil), (#""😀\ud83d""#, nil),
    ]

    @Test(arguments: contents)
    func resolvesEscapes(_ text: String, to content: String?) throws {
        try with(" [ \(text) , \(text)] ") { document in
            for child in document.children(of: document.root) {
                var bytes = Array("before".utf8)
                let isValid = document.appendUnescaped(child, to: &bytes)
                #expect(isValid == (content != nil))
                #expect(bytes == Array("before".utf8) + Array((content ?? "").utf8))
                var fresh: [UInt8] = []
                #expect(document.appendUnescaped(child, to: &fresh) == isValid)
                #expect(fresh == Array((content ?? "").utf8))
            }
        }
    }

    @Test func comparesNames() throws {
        try with(#"["value","\u0076al\u0075e","values","valu","","Value","v\/\n","\ud800","välue",1,["value"]]"#) {
            document in
            let children = document.children(of: document.root)
            #expect(
                children.map { document.string($0, equals: "value") } == [true, true]
                    + [Bool](repeating: false, count: 9))
            #expect(children.map { document.string($0, equals: "") } == (0..<11).map { $0 == 4 })
            #expect(children.map { document.string($0, equals: "v/\n") } == (0..<11).map { $0 == 6 })
        }
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("1.5", 1.5), ("-2e3", -2000), ("300", 300), ("0.1", 0.1), ("1e308", 1e308),
            ("-1.7976931348623157e308", -1.7976931348623157e308),
            ("1e-400", 0), ("-1e-99999999999999999999", 0), ("5e-324", .leastNonzeroMagnitude),
            ("12345678901234567890123", 12_345_678_901_234_567_741_440),
            ("123456789012345678901e-20", 1.23456789012345678901),
        ] as [(String, Double)])
    func readsNumbers(_ text: String, as value: Double) throws {
        try with("[ \(text) ]") { document in
            #expect(document.double(document.children(of: document.root)[0]) == value)
        }
    }

    @Test(arguments: ["1e400", "-1e309", "1e99999999999999999999", "\"1\"", "true", "null", "[1]", "{}"])
    func readsNoNumber(_ text: String) throws {
        try with(text) { document in
            #expect(document.double(document.root) == nil)
        }
    }

    @Test(.timeLimit(.minutes(1))) func readsLongNumbersInTime() throws {
        try with("0." + String(repeating: "123456789", count: 100_000)) { document in
            let value = document.double(document.root)
            #expect(value == 0.123456789123456789)
        }
    }

    @Test func isReusable() throws {
        var document = JSONDocument()
        var generator = JSONTextGenerator()
        print("JSON documents reused: seed \(generator.seed)")
        let large = Array(("[" + String(repeating: "[0],", count: 300_000) + "0]").utf8)
        let broken = Array("[1,".utf8)
        for _ in 0..<4 {
            let sample = generator.sample()
            #expect(
                JSONOutcome(parsing: sample.text, with: &document) == .valid(minified: sample.minified),
                "seed \(generator.seed)")
            #expect(JSONOutcome(parsing: large, with: &document) == .valid(minified: large))
            #expect(JSONOutcome(parsing: broken, with: &document) == .invalid(offset: 3))
            document.trim(toBytes: 1 << 20)
            #expect(JSONOutcome(parsing: [], with: &document) == .invalid(offset: 0))
            #expect(
                JSONOutcome(parsing: sample.text, with: &document) == .valid(minified: sample.minified),
                "seed \(generator.seed)")
        }
    }

    @Test func copiesWithPadding() throws {
        for count in [0, 1, 63, 64, 1000, 100_000] {
            let bytes = [UInt8](repeating: 0xFF, count: count)
            let result = bytes.withUnsafeBytes { source in
                withPaddedCopy(of: source) { copy in
                    let padding = UnsafeRawBufferPointer(
                        start: copy.baseAddress! + copy.count, count: JSONDocument.padding)
                    return copy.elementsEqual(source) && padding.allSatisfy { $0 == 0 }
                }
            }
            #expect(result, "\(count) bytes")
        }
        let error = #expect(throws: JSONSyntaxError.self) {
            try withPaddedCopy(of: UnsafeRawBufferPointer(start: nil, count: 0)) { text throws(JSONSyntaxError) in
                try JSONDocumentPool.withDocument { document throws(JSONSyntaxError) in try document.parse(text) }
            }
        }
        #expect(error?.offset == 0)
    }
}
