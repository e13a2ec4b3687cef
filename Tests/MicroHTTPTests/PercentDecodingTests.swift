internal import MicroHTTP
internal import Testing

struct PercentDecodingTests {
    private func decode(_ text: String) throws(PercentDecoding.BrokenEscape) -> [UInt8] {
        let bytes = Array(text.utf8)
        var outcome: Result<[UInt8], PercentDecoding.BrokenEscape> = .success([])
        bytes.withUnsafeBytes { bytes in
            do throws(PercentDecoding.BrokenEscape) {
                var decoded: [UInt8] = []
                try PercentDecoding.append(bytes, to: &decoded)
                outcome = .success(decoded)
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome.get()
    }

    @Test func everyByteComesBackInEitherCase() throws {
        let digits = Array("0123456789abcdef")
        for byte in 0...255 {
            let escape = "%\(digits[byte >> 4])\(digits[byte & 15])"
            #expect(try decode(escape) == [UInt8(byte)])
            #expect(try decode(escape.uppercased()) == [UInt8(byte)])
            #expect(try decode("a\(escape)z") == [0x61, UInt8(byte), 0x7A])
        }
    }

    @Test(arguments: [
        ("", ""), ("abc", "abc"), ("a+b", "a+b"), ("%2B", "+"), ("a%2Fb", "a/b"), ("%25", "%"), ("%2525", "%25"),
        ("%41%42%43", "ABC"), ("caf%C3%A9", "café"), ("~!*'()", "~!*'()"),
    ])
    func decodesOnce(text: String, meaning: String) throws {
        #expect(try decode(text) == Array(meaning.utf8))
    }

    @Test(arguments: [
        ("%", 0), ("%4", 0), ("%4g", 0), ("%g4", 0), ("%%", 0), ("%%41", 0), ("% 1", 0), ("%+1", 0), ("%-1", 0),
        ("%0x", 0),
        ("abc%", 3), ("abc%4", 3), ("%41%", 3), ("%41%4", 3), ("%41%42%4z", 6), ("é%", 2), ("%4\u{e9}", 0),
    ])
    func tellsWhereAnEscapeIsBroken(text: String, offset: Int) {
        do throws(PercentDecoding.BrokenEscape) {
            let decoded = try decode(text)
            Issue.record("\(text) was decoded as \(decoded)")
        } catch {
            #expect(error.offset == offset)
        }
    }

    @Test func appends() throws {
        var bytes: [UInt8] = [1, 2]
        try Array("%03".utf8).withUnsafeBytes { try PercentDecoding.append($0, to: &bytes) }
        #expect(bytes == [1, 2, 3])
    }

    @Test func aPlusIsASpaceInAQuery() throws {
        var bytes: [UInt8] = []
        try Array("a+b%2B".utf8).withUnsafeBytes { try PercentDecoding.append($0, to: &bytes, plusIsSpace: true) }
        #expect(bytes == Array("a b+".utf8))
    }

    @Test(arguments: [
        ("prefix", true), ("%70refix", true), ("prefi%78", true), ("%70%72%65%66%69%78", true), ("Prefix", false),
        ("%50refix", false), ("prefi", false), ("prefixx", false), ("prefix%00", false), ("prefi%7", false),
        ("", false),
        ("+prefix", false), ("prefix%", false),
    ])
    func comparesWhatATextOfAQueryMeans(text: String, isPrefix: Bool) {
        #expect(Array(text.utf8).withUnsafeBytes { PercentDecoding.query($0, means: "prefix") } == isPrefix)
    }

    @Test func seesWhetherThereIsAnythingToDecode() {
        #expect(!Array("a+b/c".utf8).withUnsafeBytes { PercentDecoding.hasEscape($0) })
        #expect(Array("a%".utf8).withUnsafeBytes { PercentDecoding.hasEscape($0) })
        #expect(![UInt8]().withUnsafeBytes { PercentDecoding.hasEscape($0) })
    }
}
