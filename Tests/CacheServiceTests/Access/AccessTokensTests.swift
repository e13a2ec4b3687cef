internal import Testing

@testable internal import CacheService

struct AccessTokensTests {
    /// SHA-256 of "abc" (FIPS 180-4, appendix) and of nothing.
    private static let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    private static let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private func grant(_ tokens: AccessTokens, _ token: String) -> AccessTokens.Grant? {
        Array(token.utf8).withUnsafeBytes { tokens.grant(token: $0) }
    }

    @Test func readsLinesOfTokens() throws {
        let text = "# comment\r\n\n\(Self.abc) read\n  \(Self.nothing.uppercased())\twrite\t user: x \r\n#"
        let tokens = try AccessTokens(Array(text.utf8))
        #expect(tokens.count == 2)
        #expect(grant(tokens, "abc")?.scope == .read)
        #expect(grant(tokens, "abc")?.prefix == [])
        #expect(grant(tokens, "")?.scope == .write)
        #expect(grant(tokens, "")?.prefix == Array("user: x".utf8))
        for unknown in ["ab", "abcd", "ABC", " abc", Self.abc] { #expect(grant(tokens, unknown) == nil) }
    }

    @Test(arguments: [
        (
            "abc read", 1,
            "it does not begin with a SHA-256, 64 hexadecimal digits; printf %s TOKEN | sha256sum prints one"
        ),
        (
            "\n\(abc)0 read", 2,
            "it does not begin with a SHA-256, 64 hexadecimal digits; printf %s TOKEN | sha256sum prints one"
        ),
        (
            "\(abc.dropLast())g read", 1,
            "it does not begin with a SHA-256, 64 hexadecimal digits; printf %s TOKEN | sha256sum prints one"
        ),
        (abc, 1, "the scope is \"\"; it must be read, write or admin"),
        ("\(nothing) read\n\(abc) Read", 2, "the scope is \"Read\"; it must be read, write or admin"),
        ("\(abc) read\n\(abc) write", 2, "the token was named before; a token may be named once"),
    ])
    func saysWhatIsWrongWithALine(text: String, line: Int, reason: String) {
        let error = #expect(throws: AccessTokens.SyntaxError.self) { try AccessTokens(Array(text.utf8)) }
        #expect(error == AccessTokens.SyntaxError(line: line, reason: reason))
        #expect(error?.description == "line \(line): \(reason)")
    }

    @Test func scopesIncludeOneAnother() {
        #expect(AccessScope.read < .write && .write < .admin)
        #expect(AccessScope.allCases == AccessScope.allCases.sorted())
    }
}
