internal import MicroHTTP
internal import Testing

struct BorrowedBytesTests {
    private func with<Result>(_ text: String, _ body: (BorrowedBytes) -> Result) -> Result {
        Array(text.utf8).withUnsafeBytes(body)
    }

    @Test func equalsIsExact() {
        with("PUT") { bytes in
            #expect(bytes.equals("PUT"))
            #expect(!bytes.equals("PU"))
            #expect(!bytes.equals("PUTT"))
            #expect(!bytes.equals("put"))
            #expect(!bytes.equals(""))
        }
        with("") { #expect($0.equals("")) }
    }

    @Test func startsWithLooksAtTheBeginning() {
        with("/keys/a") { bytes in
            #expect(bytes.starts(with: "/keys/"))
            #expect(bytes.starts(with: "/keys/a"))
            #expect(bytes.starts(with: ""))
            #expect(!bytes.starts(with: "/keys/ab"))
            #expect(!bytes.starts(with: "/Keys/"))
        }
        with("") { #expect(!$0.starts(with: "a")) }
    }

    @Test func ignoringCaseFoldsLettersOnly() {
        with("Content-LENGTH") { bytes in
            #expect(bytes.equalsIgnoringCase("content-length"))
            #expect(bytes.startsIgnoringCase(with: "content-"))
            #expect(!bytes.equalsIgnoringCase("content-lengt"))
        }
        // '@' and '`', '[' and '{' differ by the bit that capitals and small letters differ by.
        with("@[") { #expect(!$0.equalsIgnoringCase("`{")) }
        with("AZaz") { #expect($0.equalsIgnoringCase("azaz")) }
    }

    @Test func droppingLeavesTheRest() {
        with("abc") { bytes in
            #expect(bytes.dropping(0).equals("abc"))
            #expect(bytes.dropping(2).equals("c"))
            #expect(bytes.dropping(3).isEmpty)
        }
        #expect(BorrowedBytes(start: nil, count: 0).dropping(0).isEmpty)
    }
}
